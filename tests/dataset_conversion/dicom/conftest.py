"""Fixtures for tests of DICOM: undamaged real series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dataset_conversion.dicom.damage import Sound
from tests.dataset_conversion.dicom.sound_series import ENHANCED


@pytest.fixture(scope="module")
def sound(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Sound]:
    made: dict[str, Sound] = {}

    def get(name: str) -> Sound:
        if name not in made:
            classic = test_data / "dicom2nifti_tests" / name / "anatomical" / "001"
            source = test_data / ENHANCED[name] if name in ENHANCED else classic
            made[name] = Sound.of(source, tmp_path_factory.mktemp(name) / "sound")
            assert not made[name].outcome.refusals
        return made[name]

    return get


@pytest.fixture
def siemens(test_data: Path) -> Path:
    return test_data / "dicom2nifti_tests" / "siemens" / "anatomical" / "001"
