"""The model server as the window sees it: found, lost, diagnosed."""
