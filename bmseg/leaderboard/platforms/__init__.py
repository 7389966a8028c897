"""Scoring bundles for Codabench and grand-challenge: the board's numbers, computed there by bmseg itself.

`bundle` has what both share; `codabench` and `grand_challenge` write one each. The other modules run on the
platform: `scored` scores, `run_codabench` and `run_grand_challenge` read and write as the platform wants, and
`predictions` reads grand-challenge's outputs.
"""
