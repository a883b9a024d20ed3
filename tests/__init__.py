"""Felix's tests; `python3 -m tests` runs them. They mirror src/felix."""
