"""Model files that are not what they say: each is refused in one line, and leaves nothing outside."""

from __future__ import annotations

import json
import shutil
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bmseg.errors import InputError
from bmseg.sharing import opening
from bmseg.sharing.opening import unpack
from tests.bmseg.sharing.conftest import FOLDER, Shared

LARGE = opening.LARGEST_OTHER + 1


def refusal(path: Path, tmp_path: Path) -> str:
    """The message, after a check that nothing lies outside the folder."""
    inside = tmp_path / "deep" / "inside"
    before = set(tmp_path.rglob("*"))
    with pytest.raises(InputError) as caught:
        unpack(path, inside)
    new = [found for found in set(tmp_path.rglob("*")) - before if found not in (inside, inside.parent)]
    assert all(found.is_relative_to(inside) for found in new)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


def with_entry(shared: Shared, tmp_path: Path, name: str, content: bytes = b"x", **fields: Any) -> Path:
    """The model file with an entry more."""
    path = tmp_path / "more.zip"
    shutil.copyfile(shared.file, path)
    info = zipfile.ZipInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the repeated name
        archive.writestr(info, content)
    return path


def test_a_whole_file(shared: Shared, tmp_path: Path) -> None:
    model = unpack(shared.file, tmp_path)
    assert model.folder == tmp_path / FOLDER
    assert model.study.title == "Tiny exams"
    with zipfile.ZipFile(shared.file) as archive:
        for name in model.manifest.files:
            assert (model.folder / name).read_bytes() == archive.read(f"{FOLDER}/{name}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../outside.txt", "found a path that leads out of its folder"),
        (f"{FOLDER}/../../../outside.txt", "found a path that leads out of its folder"),
        ("/tmp/outside.txt", "found a path that leads out of its folder"),
        ("C:/outside.txt", "found a path that leads out of its folder"),
        ("..\\outside.txt", "found a path that leads out of its folder"),
        (f"{FOLDER}/", "found a folder or an unusual path"),
        (f"{FOLDER}//plans.json", "found a folder or an unusual path"),
        (f"./{FOLDER}/plans.json", "found a folder or an unusual path"),
        (f"{FOLDER}/plans.json", "found twice, expected once"),
        (f"{FOLDER}/PLANS.json", "found twice, expected once"),
        (f"{FOLDER}/extra.py", "found files that the manifest does not list"),
        ("nnUNetTrainer.py", "found files that the manifest does not list"),
        ("Other/bmseg.json", "found 2 files bmseg.json, expected one"),
    ],
)
def test_an_entry_too_many(shared: Shared, tmp_path: Path, name: str, message: str) -> None:
    assert message in refusal(with_entry(shared, tmp_path, name), tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR])
def test_links_and_devices(shared: Shared, tmp_path: Path, kind: int) -> None:
    path = with_entry(shared, tmp_path, f"{FOLDER}/link", b"/etc", external_attr=(kind | 0o777) << 16)
    assert "found a link or device" in refusal(path, tmp_path)


def test_a_compression_that_is_not_expected(shared: Shared, tmp_path: Path) -> None:
    path = with_entry(shared, tmp_path, f"{FOLDER}/extra", compress_type=zipfile.ZIP_LZMA)
    assert "found compression 14" in refusal(path, tmp_path)


def test_weights_that_could_swell(tampered: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "swelling.zip"
    with zipfile.ZipFile(tampered()) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    assert "fold_0/weights.safetensors': found it compressed, expected it stored" in refusal(path, tmp_path)


def test_a_file_of_an_older_bmseg(tampered: Callable[..., Path], tmp_path: Path) -> None:
    """It held checkpoints, which are pickles; larger than anything that is no weights."""
    pickles = {"fold_0/weights.safetensors": None, "fold_0/checkpoint_final.pth": bytes(LARGE)}
    message = refusal(tampered(pickles, manifest={"format": 1}), tmp_path)
    assert "format: found 1, expected 2; export the model anew, with this bmseg ('bmseg export" in message


def test_entries_that_share_their_bytes(shared: Shared, tmp_path: Path) -> None:
    """Stored weights that all lie in one place would fill a disk from a small file."""
    path = shutil.copyfile(shared.file, tmp_path / "shared.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{FOLDER}/more", b"x")
        *_, weights, more = archive.infolist()
        more.header_offset = weights.header_offset
    assert "found it reaching into the next one, expected it apart" in refusal(path, tmp_path)


def test_an_encrypted_entry(shared: Shared, tmp_path: Path) -> None:
    path = tmp_path / "encrypted.zip"
    content = bytearray(shared.file.read_bytes())
    place = content.rfind(b"PK\x01\x02")
    content[place + 8] |= 1  # the flag in the directory's last entry
    path.write_bytes(content)
    assert "found it encrypted" in refusal(path, tmp_path)


def test_an_entry_that_is_too_large(tampered: Callable[..., Path], tmp_path: Path) -> None:
    path = tampered({"plans.json": b" " * LARGE})
    assert f"expected at most {opening.LARGEST_OTHER}" in refusal(path, tmp_path)


def test_too_many_entries(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(opening.MOST_ENTRIES + 1):
            archive.writestr(f"{number}.txt", "")
    assert f"expected at most {opening.MOST_ENTRIES}" in refusal(path, tmp_path)


def test_a_bomb_that_understates_its_size(tampered: Callable[..., Path], tmp_path: Path) -> None:
    """Two megabytes that the directory and the manifest call ten bytes."""
    path = tmp_path / "bomb.zip"
    name = f"{FOLDER}/plans.json"
    whole = tampered({"plans.json": b"0" * 10})
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(path, "w") as bomb:
        for info in archive.infolist():
            content = b"0" * (2 << 20) if info.filename == name else archive.read(info)
            bomb.writestr(info.filename, content, zipfile.ZIP_DEFLATED if info.filename == name else None)
    content = bytearray(path.read_bytes())
    place = content.rfind(name.encode()) - 46  # in the directory, which comes last
    content[place + 24 : place + 28] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    assert "found no readable zip file (Bad CRC-32" in refusal(path, tmp_path)
    assert (tmp_path / "deep" / "inside" / name).stat().st_size <= 10


def test_contents_that_differ_from_the_hash(tampered: Callable[..., Path], tmp_path: Path) -> None:
    message = refusal(tampered({"plans.json": b"{}"}, agree=False), tmp_path)
    assert "plans.json: found other contents than the manifest's hash" in message


def test_an_entry_that_is_missing(tampered: Callable[..., Path], tmp_path: Path) -> None:
    message = refusal(tampered({"fold_1/weights.safetensors": None}, agree=False), tmp_path)
    assert "missing that the manifest lists" in message
    assert "fold_1/weights.safetensors" in message


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"format": 3}, "format: found 3, expected 2; export the model anew"),
        ({"format": ["x" * 1000]}, "format: found ['xxxxxxxxxxxxxxxxxx, expected 2"),
        ({"surprise": 1}, "surprise: found an unknown key, expected none of this name; export"),
        ({"method": "../unet"}, "method: found '../unet', expected"),
        ({"dataset": "Dataset502_Other"}, "bmseg.json: found it at"),
        ({"parameters": "many"}, "parameters: found 'many', expected"),
        ({"files": {}}, "files: found none for dataset.json"),
    ],
)
def test_a_manifest_that_breaks_a_rule(
    tampered: Callable[..., Path], tmp_path: Path, manifest: dict[str, Any], message: str
) -> None:
    assert message in refusal(tampered(manifest=manifest), tmp_path)


@pytest.mark.parametrize(
    "text", [b"", b"[1]", b"{}", b"\xff", b"[" * 100_000, json.dumps({"form": 1}).encode()]
)
def test_no_manifest(tampered: Callable[..., Path], tmp_path: Path, text: bytes) -> None:
    assert "found no manifest of a bmseg model" in refusal(tampered({"bmseg.json": text}), tmp_path)


@pytest.mark.parametrize("text", [b"name = ", b"name = 7", b"a = " + b"[" * 100_000, b"\xff"])
def test_no_study(tampered: Callable[..., Path], tmp_path: Path, text: bytes) -> None:
    path = tampered({"study/study.toml": text})
    assert refusal(path, tmp_path).startswith(f"{path}: study/study.toml: ")


def test_nnunets_own_export_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "nnunet.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{FOLDER}/plans.json", "{}")
    assert "found 0 files bmseg.json, expected one: no file of 'bmseg export', or damaged" in refusal(
        path, tmp_path
    )


@pytest.mark.parametrize("keep", [0.0, 0.4, 0.999])
def test_a_file_cut_short(shared: Shared, tmp_path: Path, keep: float) -> None:
    path = tmp_path / "short.zip"
    content = shared.file.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    message = refusal(path, tmp_path)
    assert "found no readable zip file" in message


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_file_that_lacks_bytes_within(shared: Shared, tmp_path: Path, place: float) -> None:
    """Its directory then points before the beginning of the file."""
    content = shared.file.read_bytes()
    start = int(place * len(content))
    path = tmp_path / "less.zip"
    for lost in (1, 64, 4000):
        path.write_bytes(content[:start] + content[start + lost :])
        refusal(path, tmp_path)


def test_no_file(tmp_path: Path) -> None:
    assert "no such file, expected a model file of 'bmseg export'" in refusal(tmp_path / "a.zip", tmp_path)
