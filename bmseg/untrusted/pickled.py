"""Results of our own in a folder that others may write to: read back without calling what a file names.

Python's pickles may name any function to be called. Here arrays, tables and the package's own data classes
are made, and nothing else ("Restricting Globals" in the documentation of `pickle`, not opened).
"""

from __future__ import annotations

import io
import pickle
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

#: What arrays and tables are made with, as NumPy 2 and pandas 3 write them.
_MAKERS = {
    ("builtins", "slice"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("pandas", "DataFrame"),
    ("pandas", "Index"),
    ("pandas", "RangeIndex"),
    ("pandas", "StringDtype"),
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"),
    ("pandas._libs.internals", "_unpickle_block"),
    ("pandas.arrays", "StringArray"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.internals.managers", "BlockManager"),
}
_OURS = ("evaluation.", "dataset_conversion.images.")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Of data classes and enumerations of ours, and what arrays and tables are made with."""
        known = (module, name) in _MAKERS
        if known or module.startswith(_OURS):
            found = super().find_class(module, name)
            if known or (isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum))):
                return found
        raise pickle.UnpicklingError(f"found {module}.{name}, expected arrays, tables and results of bmseg")


def unpickled(content: bytes) -> Any:
    """What `pickle.dumps` made of arrays, tables and data classes of ours.

    pickle.UnpicklingError for anything else; of damaged bytes any exception.
    """
    return _Unpickler(io.BytesIO(content)).load()
