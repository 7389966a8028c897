"""Trainings as jobs of a Slurm cluster: submitted, followed, requeued from their checkpoints."""

from bmseg.slurm.follow import check_not_queued, launch, looked_up
from bmseg.slurm.submission import Order

__all__ = ["Order", "check_not_queued", "launch", "looked_up"]
