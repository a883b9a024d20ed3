"""The course of a run: the helix, the timeline, and the replay of both."""
