"""Several readers' masks teach: what is drawn, what shares are, and where their loss is least."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

import blosc2  # noqa: E402
from batchgenerators.utilities.file_and_folder_operations import write_pickle  # noqa: E402

from bmseg.errors import InputError  # noqa: E402
from bmseg.trainers.places import CONSENSUS, masks_folder, of_reader, raters_of  # noqa: E402
from bmseg.trainers.quick import nnUNetTrainerQuick  # noqa: E402
from bmseg.trainers.scheduled import keep_open, nnUNetTrainerScheduled, seed_everything  # noqa: E402
from bmseg.trainers.teachers import OfShares, TaughtExams, ToShares, learn_shares, soft_transforms  # noqa: E402
from bmseg.trainers.topk import nnUNetTrainerTopK  # noqa: E402
from bmseg.trainers.unet import OfSurePixels, nnUNetTrainerUNet  # noqa: E402
from tests.bmseg.trainers.built import built  # noqa: E402
from tests.bmseg.trainers.test_ignored import LABELS, TRAINERS, target_of  # noqa: E402

# Its loss is not nnU-Net's cross-entropy, of which alone it is known what shares mean.
REFUSED = {nnUNetTrainerTopK: "DC_and_topk_loss"}
TAKEN = [trainer for trainer in TRAINERS if trainer not in REFUSED]
SURE = {name: value for name, value in LABELS.items() if name != "ignore"}


def made(trainer: type, root: Path, labels: dict[str, int]) -> Any:
    one = built(trainer, root, labels)
    one.enable_deep_supervision = False
    return one


def shares_of(trainer: Any, masks: Any) -> Any:
    """Shares (b, L, h, w) of masks (b, readers, h, w), as the trainer's transforms make them."""
    manager = trainer.label_manager
    regions = manager.foreground_regions if manager.has_regions else None
    to_shares = ToShares([0, *manager.foreground_labels], regions, manager.ignore_label)
    return torch.stack(
        [to_shares(image=torch.zeros(1, 8, 8), segmentation=one)["segmentation"] for one in masks]
    )


def loss_and_gradient(trainer: Any, loss: Any, target: Any) -> tuple[float, Any]:
    torch.manual_seed(1)
    scores = torch.randn(2, trainer.label_manager.num_segmentation_heads, 8, 8, requires_grad=True)
    found = loss(scores, target)
    found.backward()
    return found.item(), scores.grad


@pytest.mark.parametrize("labels", [SURE, LABELS], ids=["sure", "unsure"])
@pytest.mark.parametrize("trainer", TAKEN)
def test_readers_who_agree_teach_as_one_reader(
    trainer: type, labels: dict[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = made(trainer, tmp_path, labels)
    capsys.readouterr()
    torch.manual_seed(0)
    masks = torch.randint(0, len(labels), (2, 1, 8, 8), dtype=torch.int16)
    ours.loss = ours._build_loss()
    hard = loss_and_gradient(ours, ours.loss, target_of(ours, masks))
    learn_shares(ours)
    soft = loss_and_gradient(ours, ours.loss, shares_of(ours, masks.expand(2, 3, 8, 8)))
    assert soft[0] == pytest.approx(hard[0], rel=1e-5)
    torch.testing.assert_close(soft[1], hard[1], rtol=1e-4, atol=1e-7)
    # Validated on a mask: the trainer's own loss.
    assert loss_and_gradient(ours, ours.loss, target_of(ours, masks))[0] == hard[0]


def test_cross_entropy_is_least_at_the_share_of_the_readers() -> None:
    masks = torch.tensor([[[[1, 1, 0, 2]], [[2, 1, 0, 2]]]], dtype=torch.int16)[0]
    target = ToShares([0, 1, 2], None, None)._apply_to_segmentation(masks)[None]
    assert target[0, :, 0, 0].tolist() == [0.0, 0.5, 0.5]
    scores = torch.zeros(target.shape, requires_grad=True)
    loss = OfShares(torch.nn.CrossEntropyLoss())
    optimizer = torch.optim.LBFGS([scores], max_iter=200)

    def closure() -> Any:
        optimizer.zero_grad()
        found = loss(scores, target)
        found.backward()
        return found

    optimizer.step(closure)
    torch.testing.assert_close(
        torch.softmax(scores, 1)[0, :, 0, 0].detach(), target[0, :, 0, 0], atol=1e-2, rtol=0
    )
    # By hand: ln 2 at the pixel of two opinions, nothing at the three others.
    assert loss(scores, target).item() == pytest.approx(np.log(2) / 4, abs=2e-3)


def test_cross_entropy_of_shares_is_the_mean_over_the_readers() -> None:
    torch.manual_seed(2)
    masks, scores = torch.randint(0, 3, (2, 4, 8, 8), dtype=torch.int16), torch.randn(2, 3, 8, 8)
    usual = torch.nn.CrossEntropyLoss()
    each = [usual(scores, masks[:, reader].long()) for reader in range(4)]
    target = torch.stack([ToShares([0, 1, 2], None, None)._apply_to_segmentation(one) for one in masks])
    assert float(OfShares(usual)(scores, target)) == pytest.approx(float(sum(each)) / 4, rel=1e-5)


def test_who_was_unsure_of_a_pixel_is_not_counted_there() -> None:
    masks = torch.tensor([[[1, 3, 3]], [[2, 2, 3]]], dtype=torch.int16)
    labels = ToShares([0, 1, 2], None, 3)._apply_to_segmentation(masks)
    assert labels[:, 0].T.tolist() == [[0.0, 0.5, 0.5], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    regions = ToShares([0, 1, 2], [(1, 2), 2], 3)._apply_to_segmentation(masks)
    assert regions[:, 0].T.tolist() == [[1.0, 0.5, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def test_a_batch_of_which_nobody_was_sure_moves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for trainer in TAKEN:
        ours = made(trainer, tmp_path, LABELS)
        capsys.readouterr()
        ours.loss = ours._build_loss()
        learn_shares(ours)
        target = shares_of(ours, torch.full((2, 2, 8, 8), 3, dtype=torch.int16))
        loss, gradient = loss_and_gradient(ours, ours.loss, target)
        assert np.isfinite(loss)
        assert not gradient.any()


def test_a_loss_that_is_not_nnunets_is_refused(tmp_path: Path) -> None:
    for trainer, called in REFUSED.items():
        ours = made(trainer, tmp_path, LABELS)
        ours.loss = ours._build_loss()
        with pytest.raises(InputError, match=f"masks: found soft for a loss {called}, expected nnU-Net's"):
            learn_shares(ours)
    with pytest.raises(InputError, match="masks: found soft for a loss MSELoss, expected nnU-Net's Dice"):
        OfShares(torch.nn.MSELoss())
    assert isinstance(OfShares(OfSurePixels(ignore_index=3)).usual, OfSurePixels)


@pytest.mark.parametrize("trainer", [nnUNetTrainerQuick, nnUNetTrainerScheduled, nnUNetTrainerUNet])
def test_augmentation_moves_all_readers_masks_alike(trainer: Any) -> None:
    """Where all readers agree they still do, however a patch is turned, at every resolution."""
    transforms = soft_transforms(
        trainer.get_training_transforms, (32, 32), (-1.0, 1.0), [[1, 1], [0.5, 0.5]], (0, 1), False,
        use_mask_for_norm=[False], is_cascaded=False, foreground_labels=[1, 2], regions=None,
        ignore_label=None,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(-1, 3, (6, 6)), np.ones((8, 8), int)).astype(np.int16)
    one, other = blocks.copy(), blocks.copy()
    other[blocks > 0] = 3 - blocks[blocks > 0]
    turned = 0
    for seed in range(8):
        seed_everything(seed)
        masks = torch.from_numpy(np.stack([one, one, one, other]))
        if trainer is nnUNetTrainerUNet:
            masks = masks[:, :32, :32]
        found = transforms(image=torch.zeros(1, *masks.shape[1:]), segmentation=masks)["segmentation"]
        assert [tuple(each.shape) for each in found] == [(3, 32, 32), (3, 16, 16)]
        # The fourth calls the levels by each other's names; of background, all agree.
        background, low, high = found[0]
        assert set(background.unique().tolist()) == {0.0, 1.0}
        assert set(low.unique().tolist()) == {0.0, 0.25, 0.75}
        assert torch.equal(background + low + high, torch.ones(32, 32))
        turned += not torch.equal(found[0][2], shares_of_stack(masks)[2, :32, :32])
    assert turned


def shares_of_stack(masks: Any) -> Any:
    return ToShares([0, 1, 2], None, None)._apply_to_segmentation(masks)


DREW = {"knee_1": ["anna", "bert", "cara"], "knee_2": ["bert"], "knee_3": ["anna", "cara"]}
VALUES = {"anna": 1, "bert": 2, "cara": 3}


@pytest.fixture
def exams(tmp_path: Path) -> Path:
    """nnU-Net's folder of preprocessed exams, and each reader's mask, which is one value everywhere."""
    folder = tmp_path / "nnUNetPlans_2d"
    folder.mkdir()

    def write(path: Path, value: int, places: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        blosc2.asarray(np.full((1, 2, 4, 4), value, np.int16), urlpath=f"{path}_seg.b2nd")
        write_pickle({"class_locations": places}, f"{path}.pkl")

    for exam, readers in DREW.items():
        blosc2.asarray(np.zeros((1, 2, 4, 4), np.float32), urlpath=str(folder / f"{exam}.b2nd"))
        write(folder / exam, 0, "own")
        write_pickle({"class_locations": "own", "spacing": [1.0]}, str(folder / f"{exam}.pkl"))
        for rater, value in {CONSENSUS: 9, **{of_reader(name): VALUES[name] for name in readers}}.items():
            write(masks_folder(folder) / rater / exam, value, rater)
    return folder


def drawn_from(exams: TaughtExams, times: int = 40) -> list[tuple[str, int]]:
    seed_everything(5)
    cases = [(name, exams.load_case(name)) for _ in range(times) for name in DREW]
    for _, (_, mask, _, properties) in cases:
        value = int(mask[0, 0, 0, 0])
        # Patches are centred by the labels of the very mask.
        whose = {9: CONSENSUS, **{VALUES[name]: of_reader(name) for name in VALUES}}[value]
        assert properties == {"class_locations": whose, "spacing": [1.0]}
    return [(name, int(case[1][0, 0, 0, 0])) for name, case in cases]


def test_each_time_one_of_the_exams_own_readers_is_drawn_by_the_seed(exams: Path) -> None:
    everyone = TaughtExams(str(exams), [*DREW], "all")
    drawn = drawn_from(everyone)
    for name, readers in DREW.items():
        values = [value for exam, value in drawn if exam == name]
        assert set(values) == {VALUES[reader] for reader in readers}
        # 40 draws of three: each reader in 4 to 26 of them, but for once in a million.
        assert all(values.count(VALUES[reader]) >= 4 for reader in readers)
    assert drawn == drawn_from(everyone)


def test_exams_kept_open_go_on_drawing(exams: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    everyone = TaughtExams(str(exams), [*DREW], "all")
    plain = drawn_from(everyone)
    given = everyone.opened

    def noted(exam: str, rater: str) -> Any:
        opened.append(f"{exam} {rater}")
        return given(exam, rater)

    monkeypatch.setattr(everyone, "opened", noted)
    keep_open(everyone)
    assert drawn_from(everyone) == plain
    assert len(opened) == len(set(opened)) == 6


def test_the_consensus_draws_nothing(exams: Path) -> None:
    seed_everything(3)
    expected = np.random.rand()
    seed_everything(3)
    consensus = TaughtExams(str(exams), [*DREW], CONSENSUS)
    assert [int(consensus.load_case(name)[1][0, 0, 0, 0]) for name in DREW] == [9, 9, 9]
    assert np.random.rand() == expected


def test_soft_gives_all_masks_of_an_exam_one_channel_each(exams: Path) -> None:
    soft = TaughtExams(str(exams), [*DREW], "soft")
    seed_everything(1)
    places = set()
    for name, readers in DREW.items():
        for _ in range(20):
            _, masks, _, properties = soft.load_case(name)
            places.add((name, properties["class_locations"]))
            assert masks.shape == (len(readers), 2, 4, 4)
            where = (slice(None), slice(0, 1), slice(0, 2), slice(1, 4))
            assert masks[where].shape == (len(readers), 1, 2, 3)
            assert masks[where][:, 0, 0, 0].tolist() == [VALUES[reader] for reader in readers]
    assert places == {(name, of_reader(reader)) for name, readers in DREW.items() for reader in readers}


def test_an_exam_without_any_mask_is_refused(exams: Path) -> None:
    (masks_folder(exams) / of_reader("bert") / "knee_2_seg.b2nd").unlink()
    assert raters_of(masks_folder(exams), "knee_2") == []
    with pytest.raises(InputError, match="exam knee_2: found no mask, expected one at least; plan again"):
        TaughtExams(str(exams), [*DREW], "all")


def test_a_trainer_takes_what_the_plans_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = built(nnUNetTrainerQuick, tmp_path, SURE)
    soft = built(nnUNetTrainerQuick, tmp_path, SURE, {"masks": "soft"})
    capsys.readouterr()
    assert (plain.masks, soft.masks) == ("reader", "soft")
    assert not isinstance(soft.__dict__.get("get_training_transforms"), partial)
