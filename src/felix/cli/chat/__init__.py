"""A conversation in the terminal: each question is a run that follows the one before it, and is kept like any other."""
