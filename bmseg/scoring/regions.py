"""Region masks for ``evaluate --regions``, from epiphyses that somebody drew in every exam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.outputs import Output
from bmseg.outputs.provenance import files_hash, refuse_changed
from bmseg.scoring import masks
from dataset_conversion.images import Volume, write_volume
from evaluation.masks.metaphysis import KNEE_BONES, Bone, allowed_region, metaphysis_square
from evaluation.masks.reading import MaskError, check_grid, list_masks, read_mask
from evaluation.statistics.words import plural

# What the masks beside the epiphyses are 1 in.
_MARKED = {"marrow": "marrow is", "leave_out": "physes and vessels are"}


@dataclass(frozen=True)
class Regions:
    """What was made."""

    exams: list[str]
    #: Exam to the bones whose square the image ends before.
    cut: dict[str, list[str]]
    #: True when the folder already held the regions of the same masks.
    skipped: bool = False


def make_regions(
    epiphyses: Path,
    out: Path,
    *,
    bones: Sequence[str] = (),
    marrow: Path | None = None,
    leave_out: Path | None = None,
) -> Regions:
    """Write ``<exam>.nii.gz`` for every exam, 1 where a reader is to mark; all of them or none.

    Parameters
    ----------
    epiphyses : Path
        Folder of ``<exam>.nii.gz``: 0, and the value of `KNEE_BONES` in the epiphysis of each bone.
    out : Path
        New, empty, or of earlier regions.
    bones : sequence of str
        Names of the bones that every mask holds; by default all of `KNEE_BONES`.
    marrow, leave_out : Path, optional
        Folders of ``<exam>.nii.gz``, 1 where marrow is, which limits the region, and where physes and
        vessels are, which are taken out.

    Raises
    ------
    InputError
        When a bone is unknown, the folder is not one for regions, or exams are refused; names each.
    evaluation.masks.reading.MaskError
        When a folder holds no masks, or lacks one of an exam.
    """
    drawn = _bones(bones)
    files = {"epiphyses": list_masks(epiphyses)}
    for name, folder in (("marrow", marrow), ("leave_out", leave_out)):
        if folder is not None:
            files[name] = list_masks(folder)
            if missing := [exam for exam in files["epiphyses"] if exam not in files[name]]:
                raise MaskError(f"{folder}: found no mask of exam {', '.join(missing)}, expected one of each")
    exams = list(files["epiphyses"])
    hashes = _hashes(files, exams)
    inputs = {"bones": [bone.name for bone in drawn], "exams": exams} | hashes
    output = Output(out, "set of regions", exclusive=True)
    if made := output.made_from(inputs):
        return Regions(exams, made["cut"], skipped=True)
    refused: list[str] = []
    with output.replaced(inputs) as staged:
        cut: dict[str, list[str]] = staged.facts.setdefault("cut", {})
        for exam in tqdm(exams, desc="region", unit="exam", disable=None):
            try:
                region, short = _region({name: of_exam[exam] for name, of_exam in files.items()}, drawn)
            except MaskError as error:
                refused.append(f"{exam}: {error}")
                continue
            write_volume(staged.folder / f"{exam}.nii.gz", region)
            if short:
                cut[exam] = short
        if refused:
            raise InputError(
                f"{len(refused)} of {plural(len(exams), 'exam')} refused, none written: {'; '.join(refused)}"
            )
        refuse_changed(out, hashes, _hashes(files, exams))
    return Regions(exams, cut)


def _hashes(files: Mapping[str, Mapping[str, Path]], exams: Sequence[str]) -> dict[str, str]:
    return {
        f"{name}_sha256": files_hash({exam: of_exam[exam] for exam in exams})
        for name, of_exam in files.items()
    }


def _bones(names: Sequence[str]) -> list[Bone]:
    known = {bone.name: bone for bone in KNEE_BONES}
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"bone: found {', '.join(unknown)}, expected one of {', '.join(known)}")
    return [bone for name, bone in known.items() if name in (names or known)]


def _region(files: Mapping[str, Path], bones: Sequence[Bone]) -> tuple[Volume, list[str]]:
    """An exam's region, and the bones whose square the image ends before."""
    values = ", ".join(f"{bone.name} {bone.value}" for bone in KNEE_BONES)
    advice = f"correct the mask{' or name all its bones' * (len(bones) < len(KNEE_BONES))} ({values})"
    mask = read_mask(files["epiphyses"], [0, *(bone.value for bone in bones)], advice=advice)
    others = {
        name: read_mask(path, (0, 1), advice=f"correct the mask, which is 1 where {_MARKED[name]}")
        for name, path in files.items()
        if name != "epiphyses"
    }
    for other in others.values():
        check_grid(other, mask)
    limits = {name: other.array for name, other in others.items()}
    region = allowed_region(mask.array, mask.affine, bones, **limits)
    if not region.any():
        raise MaskError("region: found no voxel, expected where marking is allowed; look at the marrow masks")
    cut = [bone.name for bone in bones if metaphysis_square(mask.array, mask.affine, bone).is_cut]
    return Volume(region.astype(np.uint8), mask.affine), cut


def regions_of(folder: Path | None, exams: Sequence[str]) -> dict[str, Path]:
    """The region mask of every exam; empty without a folder."""
    if folder is None:
        return {}
    files = masks.list_masks(folder)
    if missing := [exam for exam in exams if exam not in files]:
        raise MaskError(f"{folder}: found no region of exam {', '.join(missing)}, expected one of every exam")
    return {exam: files[exam] for exam in exams}


def read_region(path: Path, mask: Volume) -> Volume:
    """A mask of 0 and 1, with its axes in the order of another."""
    region = read_mask(path, (0, 1), advice="correct the region, which is 1 inside and 0 elsewhere")
    apart = region.grid.difference(mask.grid)
    return region.in_order(mask.axis_order) if apart and apart.field == "axis order" else region
