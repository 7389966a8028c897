"""Cohorts as stages of a workspace: converted or simulated, and the calibration of simulated readers."""
