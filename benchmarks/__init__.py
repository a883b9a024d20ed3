"""Figures for Felix: python -m benchmarks prints a table and writes JSON."""
