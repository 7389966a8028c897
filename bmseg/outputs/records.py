"""Small JSON records that stages leave for the next run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataset_conversion.files import write_text


def read_record(path: Path) -> dict[str, Any]:
    """A JSON object; empty where the file is missing or not readable as one."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON object atomically."""
    write_text(path, json.dumps(record, indent=2) + "\n")
