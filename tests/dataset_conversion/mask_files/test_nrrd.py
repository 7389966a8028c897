from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_conversion.images import ConversionError, Volume
from dataset_conversion.mask_files.reading import Labels, read_mask

LEVELS = {"level1": 1, "level2": 2}
LABELS = Labels(LEVELS, {})
SHAPE = (7, 6, 4)
# 3D Slicer's world is LPS in the file; a Volume is RAS+.
AFFINE = np.array([[-0.9, 0, 0, -1], [0, -0.9, 0, -2], [0, 0, 3.5, 3], [0, 0, 0, 1.0]])
IMAGE = Volume(np.zeros(SHAPE, dtype=np.int16), AFFINE)


def slicer_file(path: Path, layers: list[np.ndarray], fields: dict[str, str], encoding: str = "gzip") -> Path:
    """A .seg.nrrd as 3D Slicer 5 writes it: header lines and their order, a list axis for several layers."""
    several = len(layers) > 1
    sizes = [*([len(layers)] if several else []), *layers[0].shape]
    lines = [
        "NRRD0004",
        "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html",
        "type: unsigned char",
        f"dimension: {len(sizes)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, sizes))}",
        f"space directions: {'none ' if several else ''}(0.9,0,0) (0,0.9,0) (0,0,3.5)",
        f"kinds: {'list ' if several else ''}domain domain domain",
        f"encoding: {encoding}",
        "space origin: (1,2,3)",
        *(f"{key}:={value}" for key, value in fields.items()),
        "Segmentation_ContainedRepresentationNames:=Binary labelmap|Closed surface|",
        "Segmentation_ConversionParameters:=Smoothing factor|0.5|range 0.0 to 1.0&",
        "Segmentation_ReferenceImageExtentOffset:=0 0 0",
    ]
    # The first axis is fastest: layers, then i, j, k.
    voxels = (np.stack(layers) if several else layers[0]).astype(np.uint8).tobytes(order="F")
    content = gzip.compress(voxels) if encoding == "gzip" else voxels
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + content)
    return path


def segment(number: int, name: str, layer: int | None = 0, value: int | None = 1) -> dict[str, str]:
    fields = {"ID": f"Segment_{number + 1}", "Name": name, "Color": "0.5 0.68 0.5", "Extent": "0 6 0 5 0 3"}
    fields |= {} if layer is None else {"Layer": str(layer)}
    fields |= {} if value is None else {"LabelValue": str(value)}
    return {f"Segment{number}_{key}": text for key, text in fields.items()}


def layer(**blocks: slice) -> np.ndarray:
    """A layer with value n in slice k of block ``vN``."""
    array = np.zeros(SHAPE, dtype=np.uint8)
    for name, k in blocks.items():
        array[1:4, 2:5, k] = int(name[1:])
    return array


@pytest.mark.parametrize("name", ["mask.nrrd", "mask"])
def test_plain_label_map_comes_by_value_on_its_own_grid(tmp_path: Path, name: str) -> None:
    array = layer(v255=slice(0, 1), v2=slice(2, 3))
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
    image.SetSpacing((0.9, 0.9, 3.5))
    image.SetOrigin((1, 2, 3))
    sitk.WriteImage(image, tmp_path / "mask.nrrd", useCompression=True)
    path = (tmp_path / "mask.nrrd").rename(tmp_path / name)
    found = read_mask(path, IMAGE, Labels(LEVELS, {"255": 1, "name": 2}))
    np.testing.assert_array_equal(found.array, np.where(array == 255, 1, array))
    assert found.grid.difference(IMAGE.grid) is None


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
def test_segments_of_one_layer(tmp_path: Path, encoding: str) -> None:
    fields = segment(0, "Level2", value=1) | segment(1, "level1", value=2) | segment(2, "bone", value=7)
    layers = [layer(v1=slice(0, 1), v2=slice(1, 2), v7=slice(3, 4))]
    path = slicer_file(tmp_path / "x.seg.nrrd", layers, fields, encoding)
    found = read_mask(path, IMAGE, Labels(LEVELS, {"bone": 0}))
    np.testing.assert_array_equal(found.array, layer(v2=slice(0, 1), v1=slice(1, 2)))
    assert found.grid.difference(IMAGE.grid) is None


@pytest.mark.parametrize("legacy", [False, True])
def test_segments_of_two_layers(tmp_path: Path, legacy: bool) -> None:
    # Before 4.11 every segment had a layer of its own, and no fields to say so.
    options = [{"layer": None, "value": None}] * 2 if legacy else [{"layer": 1}, {"layer": 0}]
    fields = segment(0, "level1", **options[0]) | segment(1, "level2", **options[1])
    layers = [layer(v1=slice(0, 1)), layer(v1=slice(2, 4))]
    path = slicer_file(tmp_path / "x.seg.nrrd", layers if legacy else layers[::-1], fields)
    found = read_mask(path, IMAGE, LABELS).array
    np.testing.assert_array_equal(found, layer(v1=slice(0, 1), v2=slice(2, 4)))


def test_segmentation_without_voxels_is_empty(tmp_path: Path) -> None:
    path = slicer_file(tmp_path / "x.seg.nrrd", [np.zeros((1, 1, 1))], segment(0, "level1"))
    found = read_mask(path, IMAGE, LABELS)
    assert not found.array.any()
    assert found.grid.difference(IMAGE.grid) is None


@pytest.mark.parametrize(
    ("layers", "fields", "message"),
    [
        (
            [layer(v1=slice(0, 1)), layer(v1=slice(0, 2))],
            segment(0, "level1") | segment(1, "level2", layer=1),
            "segments: found 9 of 168 voxels in more than one of 'level1', 'level2', expected each in one "
            "level; remove the overlap, or ignore one with --map-label NAME=0",
        ),
        (
            [layer(v1=slice(0, 1))],
            segment(0, "Segment_1"),
            "segment: found 'Segment_1', expected the name of a level (level1, level2); map each with "
            "--map-label NAME=VALUE (0 ignores it)",
        ),
        (
            [layer(v1=slice(0, 1))[1:4, 2:5]],
            segment(0, "level1"),
            "size: found 3 x 3 x 4, expected 7 x 6 x 4 voxels (the image's); save it from 3D Slicer again, "
            "the image as source geometry and 'Crop to minimum extent' off",
        ),
        (
            [layer(v1=slice(0, 1), v3=slice(1, 2))],
            segment(0, "level1"),
            "segments: found value 3 in 9 of 168 voxels of layer 0, expected a segment for each value; save "
            "it from 3D Slicer again",
        ),
        (
            [layer(v1=slice(0, 1))],
            segment(0, "level1", layer=1),
            "segment 'level1': found layer 1, expected one of 1 counted from 0; save it from 3D Slicer again",
        ),
        (
            [layer(v1=slice(0, 1))],
            segment(0, "level1") | {"Segment0_Layer": "x"},
            "Segment0_Layer: expected a whole number from 0; export it again",
        ),
        (
            [layer(v1=slice(0, 1))],
            segment(0, "level1") | {"Segmentation_SourceRepresentation": "Fractional labelmap"},
            "representation: found 'Fractional labelmap', expected 'Binary labelmap'; convert it in 3D "
            "Slicer",
        ),
    ],
)
def test_refusals(tmp_path: Path, layers: list[np.ndarray], fields: dict[str, str], message: str) -> None:
    path = slicer_file(tmp_path / "x.seg.nrrd", layers, fields)
    with pytest.raises(ConversionError) as error:
        read_mask(path, IMAGE, LABELS)
    assert str(error.value) == f"{path}: {message}"


def test_several_values_a_voxel_and_images_of_four_dimensions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 6, 7, 3), np.uint8), isVector=True), path)
    with pytest.raises(ConversionError, match="found 3 values a voxel, expected one; export a label map"):
        read_mask(path, IMAGE, LABELS)
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 4, 6, 7), np.uint8), isVector=False), path)
    with pytest.raises(ConversionError, match=r"found 4 dimensions \(7 x 6 x 4 x 2\), expected 3"):
        read_mask(path, IMAGE, LABELS)


def test_a_slice_is_a_volume_of_one(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((6, 7), np.uint8)), tmp_path / "mask.nrrd")
    found = read_mask(tmp_path / "mask.nrrd", None, Labels({"a": 1}, {}))
    assert found.array.shape == (7, 6, 1)


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
def test_truncated_file_is_refused(tmp_path: Path, encoding: str) -> None:
    path = slicer_file(tmp_path / "x.seg.nrrd", [layer(v1=slice(0, 1))], segment(0, "level1"), encoding)
    content = path.read_bytes()
    # The last eight bytes of gzip are a check sum, which ITK does not need.
    for length in range(8, len(content) - (8 if encoding == "gzip" else 0), 5):
        path.write_bytes(content[:length])
        with pytest.raises(ConversionError, match="cannot be read as NRRD, truncated or damaged") as error:
            read_mask(path, IMAGE, LABELS)
        assert "\n" not in str(error.value)


def plain_file(path: Path, encoding: str, voxels: bytes, more: str = "") -> Path:
    """A label map of 2 x 2 x 2 voxels in one slice order, as a header says it."""
    header = (
        "NRRD0004\ntype: unsigned char\ndimension: 3\nsizes: 2 2 2\nspace: left-posterior-superior\n"
        f"space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\nencoding: {encoding}\n{more}\n"
    )
    path.write_bytes(header.encode("latin-1") + voxels)
    return path


def test_a_text_of_numbers_is_read_as_it_stands(tmp_path: Path) -> None:
    path = plain_file(tmp_path / "a.nrrd", "ascii", b"0 1 2 0\n0 1 2 1\n")
    assert read_mask(path, None, LABELS).array.ravel(order="F").tolist() == [0, 1, 2, 0, 0, 1, 2, 1]


@pytest.mark.parametrize(
    ("encoding", "voxels", "more", "message"),
    [
        # ITK 5.4 ends the process with a segmentation fault.
        ("ascii", bytes(range(128, 256)) * 60, "", "voxels that are no text of numbers"),
        ("ascii", b"0 1 2 0 nan 1 2 1", "", "voxels that are no text of numbers"),
        ("text", b"0 1 2 0 0 1 2", "", "found 7 numbers, expected 8"),
        # ITK gives 1 for 257, and 255 for -1.
        ("txt", b"0 1 2 0 0 1 2 257", "", "type: found numbers that it cannot hold"),
        ("raw", b"", "data file: /etc/hostname\n", "data file: found '/etc/hostname'"),
        ("raw", b"", "datafile: LIST\na.raw\n", "data file: found 'LIST'"),
        ("raw", bytes(16), "byte skip: 3\n", "byte skip: found '3', expected none"),
        ("gzip", gzip.compress(bytes(8), mtime=0)[:-8] + bytes(8), "", "damaged .*incorrect data check"),
        ("gzip", gzip.compress(bytes(8), mtime=0)[:-4], "", "truncated or damaged .*the end is missing"),
        ("raw", bytes(8), "Segment0_N\xff:=x\n", "found bytes that are no text in UTF-8"),
    ],
)
def test_what_itk_takes_on_trust_is_looked_at_before(
    tmp_path: Path, encoding: str, voxels: bytes, more: str, message: str
) -> None:
    path = plain_file(tmp_path / "a.nrrd", encoding, voxels, more)
    with pytest.raises(ConversionError, match=message) as error:
        read_mask(path, None, LABELS)
    assert "\n" not in str(error.value)


def test_no_flipped_bit_of_gzip_data_gives_another_mask(tmp_path: Path) -> None:
    """Their checksum tells; ITK does not look at it."""
    block = layer(v1=slice(1, 3), v2=slice(3, 4))
    path = slicer_file(tmp_path / "a.seg.nrrd", [block], segment(0, "level1") | segment(1, "level2", value=2))
    content = path.read_bytes()
    start = content.index(b"\n\n") + 2
    sound = read_mask(path, IMAGE, LABELS).array
    for place in range(start, len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        try:
            found = read_mask(path, IMAGE, LABELS).array
        except ConversionError:
            continue
        assert (found == sound).all()


def test_an_empty_segmentation_without_an_image_and_a_flat_space_are_refused(tmp_path: Path) -> None:
    path = slicer_file(tmp_path / "x.seg.nrrd", [np.zeros((1, 1, 1), np.uint8)], segment(0, "level1"))
    with pytest.raises(ConversionError, match="found 1 x 1 x 1 voxels, as 3D Slicer writes where nothing is"):
        read_mask(path, None, LABELS)
    path = plain_file(tmp_path / "flat.nrrd", "raw", bytes(8))
    path.write_bytes(path.read_bytes().replace(b"(0,0,1)", b"(0,1,0)"))
    with pytest.raises(ConversionError, match=r"flat\.nrrd: "):
        read_mask(path, None, LABELS)
    complex_ = sitk.GetImageFromArray(np.zeros((2, 2, 2), np.complex64))
    sitk.WriteImage(complex_, tmp_path / "complex.nrrd")
    with pytest.raises(ConversionError, match=r"complex\.nrrd: "):
        read_mask(tmp_path / "complex.nrrd", None, LABELS)
