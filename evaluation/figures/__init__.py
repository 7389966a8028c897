"""Figures; each function returns a Figure and writes nothing."""
