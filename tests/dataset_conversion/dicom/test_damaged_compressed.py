"""Damaged compressed pixels: decoders may refuse or err in that slice, and nothing else may change.

A second decoder is asked in a fork of the tests' process; `test_true_reasons` asks it as users do.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pydicom.uid import UID

from tests.dataset_conversion.dicom.damage import lay_out
from tests.dataset_conversion.dicom.rewritten import COMPRESSED, written

DAMAGE_COMPRESSED = textwrap.dedent(
    """
    import random, subprocess, sys
    from pathlib import Path
    from tests.dataset_conversion.dicom.forked import run_forked
    from tests.dataset_conversion.dicom.damage import Sound, edited
    from tests.dataset_conversion.dicom.sound_series import put
    random.seed(1)
    subprocess.run = run_forked
    folder, scratch, cases = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    series = Sound.of(folder, scratch)
    assert len(series.outcome.volumes) == 1
    names = list(series.files)
    for _ in range(cases):
        name = random.choice(names)
        content = bytearray(series.files[name])
        start = content.rindex(b"\\xe0\\x7f\\x10\\x00") + 12
        kind = random.choice(["flip", "blank", "cut", "lose"])
        at = random.randrange(start, len(content)) if random.random() < 0.5 else start + random.randrange(200)
        if kind == "flip":
            for _ in range(random.randrange(1, 6)):
                content[min(at + random.randrange(64), len(content) - 1)] ^= 1 << random.randrange(8)
        elif kind == "blank":
            content[at : at + 16] = bytes(len(content[at : at + 16]))
        elif kind == "cut":
            del content[at:]
        else:
            del content[at : at + random.randrange(1, 9)]
        print(kind, at, flush=True)
        # Damaged compressed bytes can decode to anything, in that slice alone.
        series.judge(series.outcome_with({name: bytes(content)}, scratch), values_of=[name])
    for rows in (1, 255, 257, 8192):
        # All slices claim it, so that nothing but the compressed data contradicts.
        changed = {
            name: edited(content, lambda header: put(header, "Rows", rows))
            for name, content in series.files.items()
        }
        outcome = series.outcome_with(changed, scratch)
        assert not outcome.volumes, f"{rows} rows"
    """
)


@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda uid: uid.name.split(",")[0])
def test_damaged_compressed_pixels(siemens: Path, tmp_path: Path, syntax: UID) -> None:
    """In a process of its own: a decoder in C that is driven to abort would take the tests with it."""
    files = {path.name: written(path.read_bytes(), syntax) for path in siemens.iterdir()}
    folder = lay_out(files, tmp_path / "sound")
    call = [sys.executable, "-c", DAMAGE_COMPRESSED, str(folder), str(tmp_path / "x"), "40"]
    done = subprocess.run(
        call, capture_output=True, text=True, cwd=Path(__file__).parents[3], timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-2000:]
