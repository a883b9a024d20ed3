"""One model, one answer: bytes become deltas, deltas become chunks timed for the eye, and an `Answer` at the end.

Nothing here knows of agents, runs or windows. Importing this package imports no SDK: `make_client` does, when called.
"""
