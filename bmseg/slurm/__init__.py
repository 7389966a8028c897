"""Trainings and evaluations as jobs of a Slurm cluster: submitted, followed, tried again."""

from bmseg.slurm.follow import check_not_queued, launch, looked_up
from bmseg.slurm.shares import ShareOrder, jobs_beside
from bmseg.slurm.training import TrainingOrder

__all__ = ["ShareOrder", "TrainingOrder", "check_not_queued", "jobs_beside", "launch", "looked_up"]
