"""How the demo model writes: in pieces such as a tokeniser makes, at the uneven pace of a model on a home machine."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

_PIECE = re.compile(r" ?[^\W_]+|[^\S\n]+|\n+|[^\w\s]+|_+")
_LONGEST = 7
"""Characters of a word, its space included, that are one token; longer ones come in parts."""


def tokens(text: str) -> list[str]:
    """`text` in pieces of a token each; joined they are the text again."""
    return [
        piece[start : start + _LONGEST - 1] if len(piece) > _LONGEST else piece
        for piece in _PIECE.findall(text)
        for start in range(0, len(piece) if len(piece) > _LONGEST else 1, _LONGEST - 1)
    ]


def first_token_s(prompt_tokens: int, chance: random.Random) -> float:
    """Seconds from request to first token: something for the machine, and the prompt at 4,000 tokens a second."""
    return chance.uniform(0.25, 0.7) + prompt_tokens / 4_000


def delays_s(chance: random.Random) -> Iterator[float]:
    """Seconds from each token to the next: 40 to 70 a second on average, one in sixteen after a short halt."""
    mean = 1 / chance.uniform(40, 70)
    while True:
        # the two branches together have a mean of 1
        yield mean * (chance.uniform(1.6, 3.4) if chance.random() < 1 / 16 else chance.uniform(0.4, 1.4))
