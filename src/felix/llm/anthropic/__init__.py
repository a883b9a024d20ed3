"""Anthropic's Messages, and the servers that speak them too: llama.cpp and LM Studio under `/v1/messages`.

Needs the package `anthropic`, which comes with the extra `felix[anthropic]` and is imported when a question is asked.
"""
