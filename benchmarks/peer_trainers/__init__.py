"""Trainers that nnU-Net's own command is timed with."""
