"""Scores of raters: usual, fair, agreement, Table 1."""
