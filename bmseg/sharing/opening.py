"""Check a model file entry by entry and unpack it; nothing in it is trusted to be what it says."""

from __future__ import annotations

import errno
import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bmseg.errors import InputError
from bmseg.nnunet.inference import Networks
from bmseg.sharing.manifest import Entry, File, Manifest, read_manifest
from bmseg.study import Study, load_study
from bmseg.untrusted.compressed import ZIP_ERRORS, entry_fault, opened_zip, overlapping
from bmseg.untrusted.named_classes import check_classes
from dataset_conversion.raw.dataset import FILE_ENDING

#: Far above any real model: a hundred folds of 33 million parameters are 13 GB.
MOST_ENTRIES = 200
LARGEST_WEIGHTS = 4 << 30
LARGEST_OTHER = 4 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True)
class SharedModel:
    """A model file, unpacked into nnU-Net's folder of a model."""

    source: Path
    manifest: Manifest
    study: Study
    folder: Path


def unpack(path: Path, results: Path) -> SharedModel:
    """Unpack a model file, after a check that it holds what its manifest lists and nothing else.

    Parameters
    ----------
    path : Path
        Of `bmseg.sharing.archive.export_model`.
    results : Path
        A folder of one's own: files appear below it as below nnU-Net's ``nnUNet_results``.

    Raises
    ------
    InputError
        One line that names the file and what is wrong with it: no zip file, another format, an entry with a
        path that leads out of its folder, a link, an encrypted, repeated or overlapping entry, one that is
        too large or too many, one that is not listed or missing, contents that differ from the manifest's
        hash.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a model file of 'bmseg export'")
    try:
        with opened_zip(path) as archive:
            entries = _checked_entries(archive, path)
            manifest = _manifest(archive, entries, path)
            _check_listed(entries, manifest, path)
            for name, expected in manifest.files.items():
                inside = manifest.folder / name
                if not _extracted(archive, entries[str(inside)], expected, results / inside):
                    raise InputError(
                        f"{path}: {name}: found other contents than the manifest's hash, expected the same; "
                        "get the file again"
                    )
    except InputError:
        raise
    except (*ZIP_ERRORS, OSError) as error:
        # Before its beginning lies what a file says that lacks bytes; a full disk is another matter.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise InputError(f"{path}: found no readable zip file ({error}), expected a model file") from None
    folder = results / manifest.folder
    try:
        return SharedModel(path, manifest, load_study(folder / File.STUDY), folder)
    except InputError as error:
        raise InputError(f"{path}: {str(error).removeprefix(f'{folder}/')}") from None


def checked_networks(model: SharedModel) -> Networks:
    """The networks of an unpacked file, after a check of what its text makes nnU-Net import and call.

    Within `bmseg.nnunet.environment.nnunet_environment`. Nothing is unpickled. InputError when plans name a
    class from elsewhere, weights are no safetensors, or the files do not belong together.
    """
    how, source = model.manifest.prediction, model.source
    plans, dataset_json = (_json(model, name) for name in (File.PLANS, File.DATASET))
    if fault := _data_set_fault(dataset_json, model.study):
        raise InputError(f"{source}: {File.DATASET}: {fault}; export the model again")
    check_classes(plans, how.configuration, how.trainer, f"{source}: {File.PLANS}")
    weights = {f"{source}: {name}": _weights(model, name) for name in model.manifest.weights}
    return Networks(model.folder, how.trainer, how.configuration, how.mirroring_axes, weights)


def _checked_entries(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Name to entry, of a zip whose names are harmless."""
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES:
        raise InputError(f"{path}: found {len(infos)} entries, expected at most {MOST_ENTRIES}")
    seen: set[str] = set()
    overlaps = overlapping(archive)
    for place, info in enumerate(infos):
        fault = entry_fault(info)
        # Two names that differ by case are one file on some systems.
        if not fault and info.filename.casefold() in seen:
            fault = "found twice, expected once"
        elif not fault and place in overlaps:
            fault = "found it reaching into the next one, expected it apart"
        if fault:
            raise InputError(f"{path}: entry {info.orig_filename!r}: {fault}; do not use this file")
        seen.add(info.filename.casefold())
    return {info.filename: info for info in infos}


def _manifest(archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], path: Path) -> Manifest:
    found = [name for name in entries if PurePosixPath(name).name == File.MANIFEST]
    if len(found) != 1:
        raise InputError(
            f"{path}: found {len(found)} files {File.MANIFEST}, expected one: no file of 'bmseg export', or "
            "damaged"
        )
    with archive.open(entries[found[0]]) as stream:
        manifest = read_manifest(stream.read(LARGEST_OTHER + 1), f"{path}: {File.MANIFEST}")
    if str(manifest.folder / File.MANIFEST) != found[0]:
        raise InputError(
            f"{path}: {File.MANIFEST}: found it at {found[0]}, expected it in {manifest.folder}; export it "
            "again"
        )
    return manifest


def _check_listed(entries: Mapping[str, zipfile.ZipInfo], manifest: Manifest, path: Path) -> None:
    """Refuse files that are not listed, missing, or of a size or compression that theirs cannot be."""
    listed = {str(manifest.folder / name) for name in (*manifest.files, File.MANIFEST)}
    for kind, names in (
        ("that the manifest does not list", entries.keys() - listed),
        ("missing that the manifest lists", listed - entries.keys()),
    ):
        if names:
            listing = ", ".join(map(repr, sorted(names)))
            raise InputError(f"{path}: found files {kind} ({listing}), expected none; export it again")
    for name, info in entries.items():
        is_weights, fault = PurePosixPath(name).name == File.WEIGHTS, ""
        if info.file_size > (largest := LARGEST_WEIGHTS if is_weights else LARGEST_OTHER):
            fault = f"found {info.file_size} bytes, expected at most {largest}"
        # Weights hardly shrink: what swells is none.
        elif is_weights and info.compress_type != zipfile.ZIP_STORED:
            fault = "found it compressed, expected it stored"
        if fault:
            raise InputError(f"{path}: entry {name!r}: {fault}; do not use this file")


def _extracted(archive: zipfile.ZipFile, info: zipfile.ZipInfo, expected: Entry, target: Path) -> bool:
    """Write one entry, no more bytes of it than expected; whether they are those."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with archive.open(info) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > expected.bytes:
                return False
            digest.update(chunk)
            file.write(chunk)
    return size == expected.bytes and digest.hexdigest() == expected.sha256


def _weights(model: SharedModel, name: str) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(model.folder / name)
    except SafetensorError as error:
        raise InputError(
            f"{model.source}: {name}: found no weights that safetensors reads ({error}), expected some; "
            "export the model again"
        ) from None


def _json(model: SharedModel, name: str) -> dict[str, Any]:
    try:
        found = json.loads((model.folder / name).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(
            f"{model.source}: {name}: found no JSON object, expected one; export the model again"
        )
    return found


def _data_set_fault(dataset_json: Mapping[str, Any], study: Study) -> str:
    """Why a data set is not the study's: images would be stored for another; empty where it is."""
    spec = study.dataset_spec
    expected = {
        "channel_names": {str(place): name for place, name in enumerate(spec.channels)},
        "plane": spec.plane,
        "file_ending": FILE_ENDING,
    }
    for name, value in expected.items():
        if dataset_json.get(name) != value:
            return f"{name}: found {dataset_json.get(name)!r}, expected {value!r} as in {File.STUDY}"
    values, wanted = _values(dataset_json.get("labels")), set(spec.trained_labels.values())
    order = dataset_json.get("regions_class_order", [])
    if values != wanted or not isinstance(order, list) or not all(one in values for one in order):
        levels = ", ".join(map(str, sorted(wanted)))
        return f"labels: found others than the study's levels, expected {levels}"
    return ""


def _values(labels: Any) -> set[int] | None:
    """Mask values of nnU-Net's labels, which are numbers or, of regions, lists of numbers."""
    if not isinstance(labels, dict):
        return None
    flat = [one for value in labels.values() for one in (value if isinstance(value, list) else [value])]
    return set(flat) if all(type(one) is int for one in flat) else None
