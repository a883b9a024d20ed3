"""Many tasks, one after another or several at once: read from a file, answered by a workflow, appended to another."""
