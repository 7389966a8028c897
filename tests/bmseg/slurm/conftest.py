"""The running Slurm, and commands that pretend to be Slurm's where the real ones cannot be made to fail."""

from tests.bmseg.slurm.pretended import pretended
from tests.support.slurm_cluster import on_slurm, planned_for_slurm

__all__ = ["on_slurm", "planned_for_slurm", "pretended"]
