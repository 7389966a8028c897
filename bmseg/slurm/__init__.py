"""Trainings as jobs of a Slurm cluster: submitted, followed, requeued from their checkpoints."""

from bmseg.slurm.launch import check_not_queued, launch
from bmseg.slurm.resources import Resources

__all__ = ["Resources", "check_not_queued", "launch"]
