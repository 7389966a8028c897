"""bmseg: how good is a segmentation model, next to the readers, when nobody knows the truth?"""

__version__ = "0.17.0"
