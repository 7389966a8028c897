"""Intervals, tests, and agreement coefficients."""
