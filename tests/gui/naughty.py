"""A text in which everything bites."""

ACCENTS = "\u0301\u0489" * 300
BITING = f"\0\x1b[31m\x07\x7f\x85\x9b \u202eevil\u202c \u2066x\u2069\u200e Z{ACCENTS} 👩‍👩‍👧 \u2028 \ufeff"
