"""Masks in pictures: PNG and TIFF, of 1, 8 and 16 bits, in grey or in colours.

A picture has no place in the patient and no voxel size. It is laid down as ITK does it, and with it programs
that make NIfTI of pictures: columns along i, rows along j, the pages of a TIFF along k, in LPS from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from dataset_conversion import files
from dataset_conversion.images import ConversionError, Volume

#: Endings of their files.
ENDINGS = (".png", ".tif", ".tiff")
#: First bytes of their files: PNG, TIFF and BigTIFF in either byte order.
MAGICS = (b"\x89PNG", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: Said of a picture of which nobody gave the size of a pixel.
NO_SIZE = "a picture has no voxel size: 1 mm is taken, so distances and volumes are in pixels"
_NAMED_COLORS = 8
# The tag of TIFF that says how many values a pixel has.
_SAMPLES = 277
_GREYS = ("L", "I;16", "I;16B", "I;16L", "I", "F")


def read_picture(path: Path, colors: Mapping[str, int], spacing: Sequence[float] | None = None) -> Volume:
    """The values of a picture: greys as they are shown, colours by a table.

    Parameters
    ----------
    colors : mapping of str to int
        Colour to mask value, as ``{"#ff8c00": 1}``; black is 0 unless it says otherwise. A picture whose
        colours are all grey is read by its greys where one of them is not in the table.
    spacing : sequence of float, optional
        Size of a pixel along columns and rows, and of a page, mm. By default 1 mm.

    Raises
    ------
    ConversionError
        When the file is damaged, of another kind or partly transparent, or a colour is not in the table.
    """
    pages = np.stack(_pages(path), axis=-1)
    array = _labels(path, pages, colors) if pages.ndim == 4 else pages
    step = [*(spacing or (1.0, 1.0)), 1.0][:3]
    affine = np.diag([-step[0], -step[1], step[2], 1.0])
    return Volume(np.asfortranarray(array.transpose(1, 0, 2)), affine, str(path))


def _pages(path: Path) -> list[np.ndarray]:
    """Greys of shape (rows, columns), or colours of shape (3, rows, columns), of every page."""
    try:
        with Image.open(path, formats=("PNG", "TIFF")) as picture:
            values = (
                picture.width * picture.height * getattr(picture, "n_frames", 1) * len(picture.getbands())
            )
            if values > files.LARGEST_UNPACKED:
                raise ConversionError(
                    f"{path}: size: found {values} values, expected at most {files.LARGEST_UNPACKED}"
                )
            read = [_page(path, page) for page in ImageSequence.Iterator(picture)]
    except ConversionError:
        raise
    except UnidentifiedImageError:
        raise ConversionError(
            f"{path}: cannot be read as PNG or TIFF, truncated, damaged or of a kind with more than 8 bits a "
            "colour; export it again"
        ) from None
    except Exception as error:  # Pillow raises all kinds on damaged bytes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConversionError(
            f"{path}: cannot be read as PNG or TIFF, truncated or damaged ({reason}); export it again"
        ) from None
    if len({page.shape for page in read}) > 1:
        raise ConversionError(f"{path}: pages: found several sizes or kinds, expected one; export it again")
    return read


def _page(path: Path, page: Image.Image) -> np.ndarray:
    if fault := _lost_in_reading(page):
        raise ConversionError(f"{path}: {fault}; export it in grey of 8 or 16 bits, or in colours of 8")
    if page.mode == "1":
        # As shown: programs that widen one bit to eight write 255 for it.
        return np.asarray(page).astype(np.uint8) * np.uint8(255)
    if page.mode in _GREYS:
        return np.asarray(page).copy()
    if page.mode in ("P", "LA", "PA", "RGB", "RGBA"):
        clear = np.asarray(page.convert("RGBA"))[..., 3] < 255
        if clear.any():
            raise ConversionError(
                f"{path}: found {int(clear.sum())} transparent pixels, expected none; flatten the picture"
            )
        return np.moveaxis(np.asarray(page.convert("RGB")), -1, 0)
    raise ConversionError(
        f"{path}: found a picture of mode {page.mode}, expected grey or RGB; export it as one of them"
    )


def _lost_in_reading(page: Image.Image) -> str:
    """What Pillow would leave out of a page without a word; to be asked before its pixels are read."""
    stored = str([tile[3] for tile in getattr(page, "tile", ())])
    if ";16" in stored and page.mode not in _GREYS:
        return "found more than 8 bits a colour, expected 8"
    samples = getattr(page, "tag_v2", {}).get(_SAMPLES, 1)
    if samples > len(page.getbands()) and page.mode != "P":
        return f"found {samples} values a pixel, expected one, or the three of a colour"
    if "jpeg" in str(page.info.get("compression", "")):
        return "found JPEG compression, which changes values at borders, expected none that loses anything"
    return ""


def _labels(path: Path, pages: np.ndarray, colors: Mapping[str, int]) -> np.ndarray:
    """Greys, or labels by colour, of colours of shape (3, rows, columns, pages)."""
    red, green, blue = pages.astype(np.uint32)
    code = (red << 16) | (green << 8) | blue
    table = {0: 0} | {int(color.removeprefix("#"), 16): value for color, value in colors.items()}
    found, where, counts = np.unique(code, return_inverse=True, return_counts=True)
    unknown = [place for place, color in enumerate(found.tolist()) if color not in table]
    if unknown and (red == green).all() and (green == blue).all():
        return pages[0]
    if unknown:
        frequent = sorted(unknown, key=lambda place: -counts[place])
        named = [f"#{found[place]:06x} in {counts[place]} pixels" for place in frequent[:_NAMED_COLORS]]
        more = f" and {len(frequent) - _NAMED_COLORS} more" if len(frequent) > _NAMED_COLORS else ""
        raise ConversionError(
            f"{path}: colour: found {', '.join(named)}{more}, expected colours of a table; say what each "
            f"stands for, as --map-label '#{found[frequent[0]]:06x}=1' (0 for none)"
        )
    values = np.array([table[color] for color in found.tolist()])
    return values.astype(np.min_scalar_type(values.max(initial=0)))[where].reshape(code.shape)
