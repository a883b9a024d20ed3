"""The runs that are kept: listed, searched, opened again, brought back after a crash."""
