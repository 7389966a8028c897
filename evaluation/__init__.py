"""Masks to consensus, Dice, tables and figures."""
