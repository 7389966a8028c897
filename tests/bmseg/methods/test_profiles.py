from __future__ import annotations

import subprocess
import sys

import pytest

from bmseg.errors import InputError
from bmseg.methods import get_method
from bmseg.methods.profiles import FULL, PROFILES, QUICK, get_profile


def test_full_is_nnunets_own_schedule_plan_and_trainer() -> None:
    assert (FULL.epochs, FULL.iterations, FULL.validation_iterations) == (1000, 250, 50)
    assert FULL.foreground is None
    recipe = get_method("nnunet").recipe("full")
    assert (recipe.configuration, recipe.trainer, recipe.configure) == ("2d", "nnUNetTrainer", None)
    assert recipe.learning_rate is None


def test_full_trains_on_every_exam_of_the_study() -> None:
    assert FULL.training_exams == 85


def test_quick_needs_no_gpu() -> None:
    assert QUICK.device == "cpu"
    assert QUICK.training_exams < FULL.training_exams
    assert QUICK.epochs * QUICK.iterations < FULL.epochs * FULL.iterations / 100


@pytest.mark.parametrize("name", ["quick", "full"])
def test_profile_by_name(name: str) -> None:
    assert get_profile(name) is PROFILES[name]
    assert get_profile(name).name == name


def test_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"^profile: found 'fast', expected one of quick, full$"):
        get_profile("fast")


def test_profiles_methods_and_nnunet_functions_import_without_torch() -> None:
    code = (
        "import sys, bmseg.methods.profiles, bmseg.methods, bmseg.nnunet; bmseg.methods.methods();"
        "print('torch' in sys.modules, 'nnunetv2' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]
