"""The leaderboard as a folder of HTML pages that need no network, no server and no script."""
