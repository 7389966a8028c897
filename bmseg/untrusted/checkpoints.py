"""Checkpoints that hold weights and nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.untrusted.zip_entries import opened_zip

#: What nnU-Net reads of a checkpoint when it predicts.
_KEYS = {"network_weights", "trainer_name", "init_args", "inference_allowed_mirroring_axes"}
# Of what is printed of a value.
_LONGEST = 120


def write_stripped(source: Path, target: Path) -> None:
    """Write what prediction needs of a checkpoint of this workspace.

    Left out: the optimiser's and gradient scaler's state, the log, epochs, and the trainer's arguments,
    which hold the plans once more.

    Parameters
    ----------
    source : Path
        Is unpickled: one that was trained here, never one from elsewhere.
    target : Path
        Of the name of its source: torch writes the name into the file.
    """
    import torch

    checkpoint = torch.load(source, map_location="cpu", weights_only=False)
    stripped = {name: checkpoint[name] for name in sorted(_KEYS - {"init_args"})}
    stripped["init_args"] = {"configuration": checkpoint["init_args"]["configuration"]}
    torch.save(stripped, target)


def rewrite_checked(path: Path, source: str, *, trainer: str, configuration: str) -> None:
    """Check a checkpoint from elsewhere and write it anew, without ever running what it holds.

    It is read by torch's restricted unpickler. What nnU-Net unpickles afterwards, without restriction, is
    what is written here.

    Parameters
    ----------
    path : Path
        Is replaced.
    source : str
        For messages.
    trainer, configuration : str
        What it has to name.

    Raises
    ------
    InputError
        When it is damaged, holds anything but plain tensors and what names them, or is of another model.
    """
    import torch

    _check_container(path, source)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files fail in any way
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(
            f"{source}: found what torch does not read as weights alone ({reason}), expected weights of a "
            "network; do not use this file"
        ) from None
    if fault := _fault(checkpoint, trainer, configuration):
        raise InputError(f"{source}: {fault}; export the model again")
    torch.save(checkpoint, path)


def _check_container(path: Path, source: str) -> None:
    """Refuse what is not a zip of plain entries: older formats, and compressed ones that could swell."""
    try:
        with opened_zip(path) as container:
            stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in container.infolist())
    except (zipfile.BadZipFile, OSError):
        stored = False
    if not stored:
        raise InputError(
            f"{source}: found no checkpoint as torch writes it, expected one; export the model again"
        )


def _fault(checkpoint: Any, trainer: str, configuration: str) -> str | None:
    import torch

    if not isinstance(checkpoint, dict) or set(checkpoint) != _KEYS:
        found = _short(list(checkpoint)) if isinstance(checkpoint, dict) else type(checkpoint).__name__
        return f"found {found}, expected {', '.join(sorted(_KEYS))}"
    weights = checkpoint["network_weights"]
    plain = isinstance(weights, dict) and all(
        isinstance(name, str) and type(tensor) is torch.Tensor and tensor.layout == torch.strided
        for name, tensor in weights.items()
    )
    if not plain:
        return "network_weights: found something else than named plain tensors, expected these"
    named = {"trainer_name": trainer, "init_args": {"configuration": configuration}}
    for key, expected in named.items():
        if checkpoint[key] != expected:
            return f"{key}: found {_short(checkpoint[key])}, expected {expected!r}"
    axes = checkpoint["inference_allowed_mirroring_axes"]
    if axes is not None and not (
        isinstance(axes, list | tuple) and all(type(axis) is int and 0 <= axis <= 2 for axis in axes)
    ):
        return f"inference_allowed_mirroring_axes: found {_short(axes)}, expected axes 0 to 2 or None"
    return None


def _short(value: Any) -> str:
    return " ".join(repr(value).split())[:_LONGEST]
