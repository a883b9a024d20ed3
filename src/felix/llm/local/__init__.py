"""A GGUF file on disk, served without any server of the user's: llama.cpp in a child process of Felix's own.

A crash in native code ends that child and no more. Needs the extra `felix[local]` (xllamacpp).
"""
