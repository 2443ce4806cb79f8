"""The leaderboard: cards, entries and boards."""
