"""Bundles of the leaderboard: written, read, verified."""
