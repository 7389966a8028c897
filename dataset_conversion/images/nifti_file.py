"""A file of nibabel's: its voxels, its header as it stands there, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip

from dataset_conversion.files import read_to_end, unpacked_size, unpacking
from dataset_conversion.images.header import without_size

#: How a NIfTI-1 header begins (its own size, by order of bytes) and, of a file of one piece, ends.
_BEGINS, _ENDS = (b"\x5c\1\0\0", b"\0\0\1\x5c"), b"n+1\0"


def load(path: Path) -> tuple[Any, np.ndarray, str]:
    """The image, its voxels, and what the file says of itself that cannot be; nothing where all is well.

    Raises what nibabel raises, and what reading the file to its end raises.
    """
    size: int | None
    if found := _load_zipped(path):
        image, array, stored, size = found
    else:
        image = nib.load(path)
        array, stored = np.asanyarray(image.dataobj), _stored_header(image)
        sizes = [unpacked_size(Path(name)) for name in {f.filename for f in image.file_map.values()} if name]
        size = sizes[0] if len(sizes) == 1 and isinstance(image, nib.Nifti1Image) else None
    if size is not None:
        bits, kind = int(stored["bitpix"]), image.get_data_dtype()
        # Programs that leave bitpix wrong write as many bytes as their datatype has.
        if bits != 8 * kind.itemsize and size == image.dataobj.offset + array.size * bits // 8:
            fault = f"datatype: found {kind} and {bits} bits a voxel, expected both alike; export it again"
            return image, array, fault
    return image, array, without_size(stored, array.shape)


def _load_zipped(path: Path) -> tuple[Any, np.ndarray, Any, int] | None:
    """Image, voxels, header and size of a gzip'd NIfTI-1 file in one pass; None of any other file.

    nibabel unpacks with zlib, at a third of the speed and never to the checksum.
    """
    if not path.name.endswith(".nii.gz"):
        return None
    with igzip.open(path) as file:
        try:
            with unpacking():
                head = file.read(348)
        # Whoever tells the kinds of files apart says what it is.
        except (OSError, EOFError, ValueError):
            return None
        if not (head.startswith(_BEGINS) and head[344:] == _ENDS):
            return None
        with unpacking():
            holder = nib.fileholders.FileHolder(fileobj=file)
            image = nib.Nifti1Image.from_file_map({"image": holder}, mmap=False)
            file.seek(0)
            stored = nib.Nifti1Header.from_fileobj(file, check=False)
            array = np.asanyarray(image.dataobj)
            return image, array, stored, file.tell() + read_to_end(file)


def _stored_header(image: Any) -> Any:
    """The header of a file of nibabel's as it stands there, without what loading mends."""
    files = image.file_map
    with files.get("header", files["image"]).get_prepare_fileobj("rb") as file:
        return type(image.header).from_fileobj(file, check=False)
