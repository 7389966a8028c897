"""The quick trainer's schedule and augmentation."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from bmseg.methods import get_method  # noqa: E402
from bmseg.methods.profiles import QUICK  # noqa: E402
from bmseg.nnunet.training import Training  # noqa: E402
from bmseg.trainers.quick import DEFAULTS, nnUNetTrainerQuick  # noqa: E402
from bmseg.trainers.scheduled import seed_everything  # noqa: E402
from tests.bmseg.trainers.built import built  # noqa: E402

LABELS = {"background": 0, "level1": 1}


def test_it_has_a_schedule_of_its_own_without_one_in_the_plans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = built(nnUNetTrainerQuick, tmp_path, LABELS)
    capsys.readouterr()
    assert trainer.num_epochs == DEFAULTS["epochs"]
    assert trainer.enable_deep_supervision is False


def test_its_defaults_are_those_of_the_quick_profile() -> None:
    assert Training.of(get_method("nnunet"), QUICK).schedule == DEFAULTS


def test_augmentation_keeps_the_patch_and_the_labels() -> None:
    transforms = nnUNetTrainerQuick.get_training_transforms((32, 48), (-0.2, 0.2), None, (1,), False)
    labels = torch.zeros((1, 40, 56), dtype=torch.int16)
    labels[:, 10:20, 10:30] = 2
    for seed in range(10):
        seed_everything(seed)
        made = transforms(image=torch.rand((1, 40, 56)), segmentation=labels.clone())
        assert made["image"].shape == made["segmentation"].shape == (1, 32, 48)
        assert set(made["segmentation"].unique().tolist()) <= {0, 2}
