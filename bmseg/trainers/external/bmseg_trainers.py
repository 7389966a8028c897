"""Trainers for nnU-Net's search: those of every method, and those on trial.

Only names, no classes: nnU-Net drops the modules of this folder again after its search, and a class
defined in one could not be pickled.
"""

from pydoc import locate

from bmseg.methods import trainer_paths
from bmseg.trainers import ON_TRIAL

_paths = trainer_paths() | {path.rpartition(".")[2]: path for path in ON_TRIAL}
globals().update({name: locate(path) for name, path in _paths.items()})
