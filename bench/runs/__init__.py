"""Runs: which there are, and one from start to record."""
