from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from bmseg.errors import InputError
from bmseg.profiles import FULL, PROFILES, QUICK, get_profile


def test_full_is_nnunets_own_schedule_plan_and_trainer() -> None:
    assert (FULL.epochs, FULL.iterations, FULL.validation_iterations) == (1000, 250, 50)
    assert (FULL.configuration, FULL.trainer, FULL.network) == ("2d", "nnUNetTrainer", None)
    assert FULL.learning_rate is None
    assert FULL.foreground is None


def test_full_trains_on_every_exam_of_the_study() -> None:
    assert FULL.training_exams == 85


def test_quick_needs_no_gpu() -> None:
    assert QUICK.device == "cpu"
    assert QUICK.network is not None
    assert QUICK.training_exams < FULL.training_exams


def test_quick_patch_divides_by_the_networks_stride() -> None:
    assert QUICK.network is not None
    stride = 2 ** (len(QUICK.network.features) - 1)
    assert all(edge % stride == 0 for edge in QUICK.network.patch)


@pytest.mark.parametrize("name", ["quick", "full"])
def test_profile_by_name(name: str) -> None:
    assert get_profile(name) is PROFILES[name]
    assert get_profile(name).name == name


def test_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"^profile: found 'fast', expected one of quick, full$"):
        get_profile("fast")


def test_profiles_are_values() -> None:
    assert len({field.name for field in fields(QUICK)}) == len(fields(QUICK))
    assert hash(QUICK) != hash(FULL)


def test_profiles_and_nnunet_functions_import_without_torch() -> None:
    code = (
        "import sys, bmseg.profiles, bmseg.nnunet; print('torch' in sys.modules, 'nnunetv2' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]
