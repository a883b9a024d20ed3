"""Ollama by its own interface, `/api`: only there can the context length be set, and only there does it tell errors.

What it offers under `/v1` swallows errors in the middle of an answer and knows no `num_ctx`.
"""
