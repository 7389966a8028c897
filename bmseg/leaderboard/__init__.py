"""The leaderboard: submissions checked and scored, a ranking that says how sure it is, a static site."""
