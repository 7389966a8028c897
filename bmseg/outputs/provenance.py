"""Small JSON records that results leave, and where numbers come from: versions, inputs and their hashes."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bmseg import __version__
from bmseg.errors import WorkError
from dataset_conversion.files import file_hash, write_text

PACKAGES = [
    "numpy", "scipy", "pandas", "nibabel", "SimpleITK", "seaborn", "nnunetv2", "torch", "pydicom",
    "highdicom", "python-gdcm",
]  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of bmseg, Python and the packages that shape results, where installed."""
    # That of the code that runs: what is installed in place may say an older one.
    found = {"bmseg": __version__, "python": platform.python_version()}
    found |= {package: _version(package) for package in PACKAGES}
    return {name: number for name, number in found.items() if number}


def machine() -> dict[str, str]:
    """Operating system and processor; nothing that names the machine or its user."""
    return {"system": platform.system(), "architecture": platform.machine(), "platform": sys.platform}


def files_hash(files: Mapping[str, Path]) -> str:
    """One SHA-256 of named files: names and contents, whatever their order."""
    return value_hash({name: file_hash(path) for name, path in files.items()})


def text_hash(text: str) -> str:
    """SHA-256 of a text file that `write_text` writes."""
    return hashlib.sha256(text.encode()).hexdigest()


def refuse_changed(out: Path, before: Any, now: Any) -> None:
    """WorkError where files that results in a folder are made from have other hashes than before."""
    if before != now:
        raise WorkError(
            f"{out}: found files that changed while results were made from them, expected the same to the "
            "end; run it again"
        )


def value_hash(value: Any) -> str:
    """SHA-256 of a value as JSON.

    Examples
    --------
    >>> value_hash({"b": 1, "a": [2]}) == value_hash({"a": [2], "b": 1})
    True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def read_record(path: Path) -> dict[str, Any]:
    """A JSON object; empty where the file is missing or not readable as one."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def record_text(record: Mapping[str, Any]) -> str:
    """A JSON object as its file holds it."""
    return json.dumps(record, indent=2) + "\n"


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON object atomically."""
    write_text(path, record_text(record))
