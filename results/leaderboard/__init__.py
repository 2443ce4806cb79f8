"""The leaderboard as data: cards, entries, boards and the pages made of them."""
