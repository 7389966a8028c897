"""The ground room: a volume, its grid, reading and writing; all that `evaluation` takes from here."""

from dataset_conversion.files import atomic_path
from dataset_conversion.images.sources import as_labels, as_volume, label_fault
from dataset_conversion.images.volume import (
    DIRECTION_TOLERANCE,
    SPACING_TOLERANCE_MM,
    STORAGE_ORDER,
    ConversionError,
    Difference,
    Grid,
    Plane,
    Volume,
    read_volume,
    stored_spacing,
    write_volume,
)  # fmt: skip

__all__ = [
    "DIRECTION_TOLERANCE", "SPACING_TOLERANCE_MM", "STORAGE_ORDER", "ConversionError", "Difference", "Grid",
    "Plane", "Volume", "as_labels", "as_volume", "atomic_path", "label_fault", "read_volume",
    "stored_spacing", "write_volume",
]  # fmt: skip
