"""Consensus reading on a visual analogue scale: the study's Table 2."""
