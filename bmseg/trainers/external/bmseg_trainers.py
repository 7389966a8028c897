"""Trainers for nnU-Net's search: those of every method.

Only names, no classes: nnU-Net drops the modules of this folder again after its search, and a class
defined in one could not be pickled.
"""

from pydoc import locate

from bmseg.methods import trainer_paths

globals().update({name: locate(path) for name, path in trainer_paths().items()})
