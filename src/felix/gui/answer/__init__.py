"""The hub's answer: streamed, rendered, made again, exported, compared."""
