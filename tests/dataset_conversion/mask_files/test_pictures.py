"""Masks in PNG and TIFF: greys of every depth, colours by a table, what cannot be told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from dataset_conversion.images import ConversionError, as_volume
from dataset_conversion.mask_files.labels import Labels
from dataset_conversion.mask_files.pictures import read_picture
from dataset_conversion.mask_files.reading import read_mask
from dataset_conversion.mask_files.survey import survey

#: Rows by columns.
DRAWN = np.array([[0, 1, 1, 0], [0, 0, 2, 2], [0, 0, 0, 2]], np.uint8)
TABLE = {"#ff0000": 1, "#00ff00": 2}


def colored(array: np.ndarray = DRAWN) -> np.ndarray:
    return np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)[array]


def save(path: Path, array: np.ndarray, mode: str | None = None) -> Path:
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)
    return path


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize(
    "how",
    [
        lambda array: array,
        lambda array: array.astype(np.uint16),
        lambda array: np.repeat(array[..., None], 3, axis=-1),
        lambda array: np.dstack([array, array, array, np.full_like(array, 255)]),
    ],
    ids=["8 bits", "16 bits", "grey RGB", "grey RGBA"],
)
def test_greys_are_their_values_as_simpleitk_lays_them_down(tmp_path: Path, ending: str, how: object) -> None:
    path = save(tmp_path / f"a.{ending}", how(DRAWN))  # type: ignore[operator]
    found = read_picture(path, {})
    assert found.array[..., 0].T.tolist() == DRAWN.tolist()
    plain = save(tmp_path / "plain.png", DRAWN)
    expected = as_volume(sitk.ReadImage(str(plain)))
    assert found.grid.difference(expected.grid) is None
    assert np.array_equal(found.array, expected.array)


def test_one_bit_is_shown_as_255(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", (DRAWN > 0).astype(np.uint8) * 255, "1")
    assert np.array_equal(read_picture(path, {}).array, as_volume(sitk.ReadImage(str(path))).array)
    assert set(np.unique(read_picture(path, {}).array)) == {0, 255}


@pytest.mark.parametrize("palette", [False, True])
def test_colours_by_a_table_and_no_others(tmp_path: Path, palette: bool) -> None:
    path = save(tmp_path / "a.png", colored(), "P" if palette else None)
    found = read_mask(path, None, Labels({}, TABLE))
    assert found.array[..., 0].T.tolist() == DRAWN.tolist()
    # As colours of a study's levels; a map goes before them.
    levels = Labels({"a": 1, "b": 2}, {"#00ff00": 0}, TABLE)
    assert set(np.unique(read_mask(path, None, levels).array)) == {0, 1}
    with pytest.raises(ConversionError) as error:
        read_picture(path, {"#ff0000": 1})
    assert str(error.value) == (
        f"{path}: colour: found #00ff00 in 3 pixels, expected colours of a table; say what each stands for, "
        "as --map-label '#00ff00=1' (0 for none)"
    )


def test_pages_are_slices_and_pixels_have_the_size_that_was_given(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.where(value == DRAWN, value, 0).astype(np.uint8)) for value in (1, 2)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    found = read_picture(tmp_path / "a.tif", {}, (0.5, 0.4, 2.0))
    assert found.array.shape == (4, 3, 2)
    assert found.array.max(axis=-1).T.tolist() == DRAWN.tolist()
    assert found.spacing.tolist() == [0.5, 0.4, 2.0]


def test_what_is_no_mask_is_refused_in_a_line(tmp_path: Path) -> None:
    clear = save(tmp_path / "clear.png", np.dstack([colored(), np.full(DRAWN.shape, 128, np.uint8)]))
    with pytest.raises(ConversionError, match="found 12 transparent pixels, expected none; flatten"):
        read_picture(clear, TABLE)
    whole = save(tmp_path / "whole.png", np.tile(DRAWN, (40, 40)))
    cut = tmp_path / "cut.png"
    for length in (10, 60, whole.stat().st_size // 2):
        cut.write_bytes(whole.read_bytes()[:length])
        with pytest.raises(ConversionError, match="cut.png: cannot be read as PNG or TIFF") as error:
            read_picture(cut, {})
        assert "\n" not in str(error.value)
    # Pillow reads the high bytes of 16 bits a colour without a word.
    deep = tmp_path / "deep.png"
    sitk.WriteImage(sitk.GetImageFromArray(colored().astype(np.uint16), isVector=True), deep)
    with pytest.raises(ConversionError, match="found more than 8 bits a colour, expected 8; export it"):
        read_picture(deep, TABLE)
    lossy = tmp_path / "lossy.tif"
    Image.fromarray(np.tile(DRAWN, (8, 8))).save(lossy, compression="jpeg")
    with pytest.raises(ConversionError, match="found JPEG compression, which changes values at borders"):
        read_picture(lossy, {})
    steps = np.zeros((40, 40), np.uint8)
    steps[10:30, 10:30] = 255
    steps[9, 10:30] = np.arange(20, 240, 11)
    smoothed = save(tmp_path / "smoothed.png", steps)
    with pytest.raises(
        ConversionError, match="found 20 values between 0 and 255 in 20 pixels, as of a smoothed"
    ):
        survey(smoothed, Labels({}, {}))
    photograph = save(tmp_path / "photo.tif", np.arange(900, dtype=np.uint16).reshape(30, 30))
    with pytest.raises(ConversionError, match="found 900 different values, as of an image"):
        survey(photograph, Labels({}, {}))


def test_what_pillow_leaves_out_of_a_tiff_is_refused(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", reason="comes with nnU-Net")
    deep, two = tmp_path / "deep.tif", tmp_path / "two.tif"
    tifffile.imwrite(deep, colored().astype(np.uint16), photometric="rgb")
    with pytest.raises(ConversionError, match="found more than 8 bits a colour, expected 8"):
        read_picture(deep, TABLE)
    tifffile.imwrite(two, np.dstack([DRAWN, DRAWN]), photometric="minisblack", planarconfig="contig")
    with pytest.raises(ConversionError, match="found 2 values a pixel, expected one"):
        read_picture(two, {})
    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, np.stack([DRAWN, 3 * DRAWN.astype(np.uint16)]), imagej=True)
    assert read_picture(stack, {}).array.T.tolist() == [DRAWN.tolist(), (3 * DRAWN).tolist()]


def test_a_truncated_tiff_is_refused_in_a_line(tmp_path: Path) -> None:
    """Of some, Pillow says that dimensions are missing, as a mistake of type."""
    pages = [Image.fromarray(np.roll(DRAWN, page)) for page in range(4)]
    pages[0].save(tmp_path / "whole.tif", save_all=True, append_images=pages[1:])
    content, path = (tmp_path / "whole.tif").read_bytes(), tmp_path / "a.tif"
    whole = read_picture(tmp_path / "whole.tif", {}).array
    for length in range(len(content)):
        path.write_bytes(content[:length])
        try:
            found = read_picture(path, {}).array
        except ConversionError as error:
            assert "\n" not in str(error)
        else:
            assert found.shape == whole.shape and (found == whole).all()


def test_pages_of_several_sizes_and_more_than_memory_holds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [Image.fromarray(np.zeros(shape, np.uint8)) for shape in ((4, 5), (5, 4))]
    pages[0].save(tmp_path / "two.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ConversionError, match=r"two\.tif: pages: found several sizes or kinds, expected one"):
        read_picture(tmp_path / "two.tif", {}, (1.0, 1.0))
    monkeypatch.setattr("dataset_conversion.files.LARGEST_UNPACKED", 19)
    pages[0].save(tmp_path / "one.png")
    with pytest.raises(ConversionError, match=r"one\.png: size: found 20 values, expected at most 19"):
        read_picture(tmp_path / "one.png", {}, (1.0, 1.0))
    monkeypatch.undo()
    Image.new("CMYK", (4, 5)).save(tmp_path / "ink.tif")
    with pytest.raises(ConversionError, match=r"ink\.tif: .*CMYK"):
        read_picture(tmp_path / "ink.tif", {}, (1.0, 1.0))
