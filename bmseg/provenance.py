"""Where numbers come from: versions, inputs and their hashes."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ["numpy", "scipy", "pandas", "nibabel", "SimpleITK", "seaborn", "nnunetv2", "torch"]


def versions() -> dict[str, str]:
    """Versions of bmseg, Python and the packages that shape results, where installed."""
    found = {"bmseg": _version("bmseg"), "python": platform.python_version()}
    found |= {package: _version(package) for package in PACKAGES}
    return {name: number for name, number in found.items() if number}


def machine() -> dict[str, str]:
    """Operating system and processor; nothing that names the machine or its user."""
    return {"system": platform.system(), "architecture": platform.machine(), "platform": sys.platform}


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_hash(files: Mapping[str, Path]) -> str:
    """One SHA-256 of named files: names and contents, in the order of the names."""
    return combined_hash(f"{name} {file_hash(path)}" for name, path in sorted(files.items()))


def combined_hash(parts: Iterable[str]) -> str:
    """SHA-256 of lines of text."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
