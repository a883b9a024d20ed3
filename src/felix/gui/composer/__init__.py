"""Where a run is asked for: the task, its workflow and model, and the buttons beside it."""
