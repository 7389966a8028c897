"""Trainers for nnU-Net's search.

Only names, no classes: nnU-Net drops the modules of this folder again after its search, and a class
defined in one could not be pickled.
"""

from bmseg.trainers import nnUNetTrainerQuick, nnUNetTrainerScheduled

__all__ = ["nnUNetTrainerQuick", "nnUNetTrainerScheduled"]
