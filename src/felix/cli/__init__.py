"""Felix in a terminal."""
