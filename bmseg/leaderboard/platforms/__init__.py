"""Scoring bundles for Codabench and grand-challenge: the board's numbers, computed there by bmseg itself.

`bundle` has what both share; `codabench` and `grand_challenge` write one each. On the platform `scored`
scores, `codabench` and `run_grand_challenge` read and write as the platform wants.
"""
