"""The ground room: a volume, its grid, reading and writing; tables of text; all that `evaluation` takes."""

from dataset_conversion.files import atomic_path
from dataset_conversion.images.errors import ConversionError
from dataset_conversion.images.grid import DIRECTION_TOLERANCE, SPACING_TOLERANCE_MM, Difference, Grid
from dataset_conversion.images.header import Position, position
from dataset_conversion.images.sources import NEAR, LabelFault, as_labels, as_volume, label_fault, whole
from dataset_conversion.images.tables import as_number, read_own, read_table
from dataset_conversion.images.volume import (
    STORAGE_ORDER,
    TOO_LARGE,
    Plane,
    Volume,
    read_image,
    read_nifti,
    read_volume,
    stored_spacing,
    volume_bytes,
    write_volume,
)

__all__ = [
    "DIRECTION_TOLERANCE", "NEAR", "SPACING_TOLERANCE_MM", "STORAGE_ORDER", "TOO_LARGE", "ConversionError",
    "Difference", "Grid", "LabelFault", "Plane", "Position", "Volume", "as_labels", "as_number", "as_volume",
    "atomic_path", "label_fault", "position", "read_image", "read_nifti", "read_own", "read_table",
    "read_volume", "stored_spacing", "volume_bytes", "whole", "write_volume",
]  # fmt: skip
