"""Felix: watch several language models think at once, on your own machine.

Importing this package imports nothing else, so that the launcher and a quick `--version` stay cheap. It parses on
Python 3.6, so that an old Python can be told what is wrong.
"""

__version__ = "0.1.0"
