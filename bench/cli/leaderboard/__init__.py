"""The commands of `leaderboard`."""
