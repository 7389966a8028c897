"""What plans and checkpoints of a model file can make nnU-Net import and unpickle."""

from __future__ import annotations

import io
import json
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bmseg.errors import InputError
from bmseg.nnunet.environment import nnunet_environment
from bmseg.sharing.opening import check_contents, unpack
from bmseg.untrusted.checkpoints import rewrite_checked
from bmseg.untrusted.named_classes import check_classes
from bmseg.workspace import Workspace
from tests.bmseg.sharing.conftest import FOLDER, Shared

CHECKPOINT = "fold_0/checkpoint_final.pth"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path) -> Iterator[None]:
    with nnunet_environment(Workspace(tmp_path / "none", "none"), "cpu", workers=1):
        yield


def content(shared: Shared, name: str) -> bytes:
    with zipfile.ZipFile(shared.file) as archive:
        return archive.read(f"{FOLDER}/{name}")


@pytest.fixture
def checkpoint(shared: Shared) -> dict[str, Any]:
    return torch.load(io.BytesIO(content(shared, CHECKPOINT)), weights_only=True)


@pytest.fixture
def plans(shared: Shared) -> dict[str, Any]:
    return json.loads(content(shared, "plans.json"))


def one_line(caught: pytest.ExceptionInfo[InputError], beginning: str) -> str:
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(beginning)
    return message


def refusal(path: Path, tmp_path: Path) -> str:
    """What is said of a whole model file."""
    model = unpack(path, tmp_path / "unpacked")
    with pytest.raises(InputError) as caught:
        check_contents(model)
    return one_line(caught, f"{path}: ")


def checkpoint_refusal(stored: bytes, tmp_path: Path) -> str:
    path = tmp_path / "checkpoint_final.pth"
    path.write_bytes(stored)
    with pytest.raises(InputError) as caught:
        rewrite_checked(path, "checkpoint", trainer="nnUNetTrainerQuick", configuration="2d_tiny")
    assert path.read_bytes() == stored
    return one_line(caught, "checkpoint: ")


def plans_refusal(plans: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        check_classes(plans, "2d_tiny", "nnUNetTrainer", "plans")
    return one_line(caught, "plans: ")


def saved(value: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def test_what_nnunet_unpickles_is_written_here(shared: Shared, tmp_path: Path) -> None:
    model = unpack(shared.file, tmp_path)
    path = model.folder / CHECKPOINT
    before = torch.load(path, weights_only=True)
    written = path.stat().st_mtime_ns
    check_contents(model)
    assert path.stat().st_mtime_ns != written
    assert str(torch.load(path, weights_only=False)) == str(before)


class Payload:
    """Runs when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        return (Path.touch, (self.witness,))


@pytest.mark.parametrize("place", ["network_weights", "init_args", "more"])
def test_a_checkpoint_that_runs_something(checkpoint: dict[str, Any], tmp_path: Path, place: str) -> None:
    witness = tmp_path / "it ran"
    bad = saved({**checkpoint, place: Payload(witness)})
    assert "found what torch does not read as weights alone" in checkpoint_refusal(bad, tmp_path)
    assert not witness.exists()
    torch.load(io.BytesIO(bad), weights_only=False)
    assert witness.exists()  # and it would have


def test_a_model_file_with_such_a_checkpoint(
    checkpoint: dict[str, Any], tampered: Callable[..., Path], tmp_path: Path
) -> None:
    witness = tmp_path / "it ran"
    bad = tampered({CHECKPOINT: saved({**checkpoint, "more": Payload(witness)})})
    assert f"{CHECKPOINT}: found what torch does not read as weights alone" in refusal(bad, tmp_path)
    assert not witness.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"more": 1}, "found .*'more'.*, expected"),
        ({"trainer_name": "nnUNetTrainer"}, "trainer_name: found 'nnUNetTrainer', expected 'nnUNetTrainerQ"),
        ({"init_args": {"configuration": "2d"}}, "init_args: found {'configuration': '2d'}, expected"),
        ({"inference_allowed_mirroring_axes": (7,)}, r"mirroring_axes: found \(7,\), expected axes 0 to 2"),
        ({"network_weights": {"a": 1}}, "something else than named plain tensors"),
        ({"network_weights": {"a": torch.nn.Parameter(torch.ones(2))}}, "else than named plain tensors"),
    ],
)
def test_a_checkpoint_of_another_kind(
    checkpoint: dict[str, Any], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    assert re.search(message, checkpoint_refusal(saved({**checkpoint, **change}), tmp_path))


def test_a_checkpoint_in_another_container(checkpoint: dict[str, Any], tmp_path: Path) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(checkpoint))) as whole,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as swelling,
    ):
        for name in whole.namelist():
            swelling.writestr(name, whole.read(name))
    legacy = saved(checkpoint, _use_new_zipfile_serialization=False)
    for bad in (pickle.dumps(checkpoint), legacy, packed.getvalue(), b""):
        assert "found no checkpoint as torch writes it" in checkpoint_refusal(bad, tmp_path)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("network_class_name", "os.system"),
        ("network_class_name", "torch.nnx.Linear"),
        ("network_class_name", "torch.nn.modules.module.functools.partial"),
        ("network_class_name", "torch.nn.functional.importlib.import_module"),
        ("network_class_name", "torch.nn.init.kaiming_normal_"),
        ("network_class_name", "torch.nn.NoSuchLayer"),
        ("network_class_name", ["torch.nn.Linear"]),
        ("arch_kwargs.norm_op", "builtins.eval"),
        ("arch_kwargs.conv_op", "torch.utils.cpp_extension.load"),
        ("arch_kwargs.nonlin", "bmseg.networks.unet.Sequence"),
    ],
)
def test_plans_that_name_something_else_than_a_network(plans: dict[str, Any], where: str, name: Any) -> None:
    place = plans["configurations"]["2d_tiny"]["architecture"]
    *outer, key = where.split(".")
    for one in outer:
        place = place[one]
    place[key] = name
    assert f"plans: {where}: found {name!r}, expected a network or layer of torch.nn, " in plans_refusal(
        plans
    )


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("preprocessor_name", "shutil"),
        ("preprocessor_name", "SimpleITK"),
        ("resampling_fn_data", "map_coordinates"),
        ("resampling_fn_probabilities", "os.system"),
        ("resampling_fn_seg", 7),
        ("normalization_schemes", ["np"]),
        ("image_reader_writer", "sitk"),
        ("label_manager", "join"),
    ],
)
def test_plans_that_name_something_that_is_not_nnunets(plans: dict[str, Any], where: str, name: Any) -> None:
    place = plans if where in ("image_reader_writer", "label_manager") else plans["configurations"]["2d"]
    place[where] = name
    message = plans_refusal(plans)
    assert message.startswith(f"plans: {where}")
    assert "expected a name in nnunetv2." in message


@pytest.mark.parametrize(
    "change",
    [
        {"inherits_from": "2d_tiny"},
        {"inherits_from": "none"},
        {"architecture": None},
        {"architecture": {"network_class_name": "torch.nn.Linear"}},
    ],
)
def test_plans_without_a_whole_configuration(plans: dict[str, Any], change: dict[str, Any]) -> None:
    plans["configurations"]["2d_tiny"] |= change
    assert "found no complete configuration '2d_tiny'" in plans_refusal(plans)


def test_networks_of_installed_methods(plans: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = plans["configurations"]["2d_tiny"]["architecture"]
    architecture["network_class_name"] = "monai.networks.nets.UNet"
    assert "install the package that brings the method" in plans_refusal(plans)
    architecture["network_class_name"] = "timm.layers.Mlp"
    monkeypatch.setattr("bmseg.untrusted.named_classes.packages_of_methods", lambda: ["timm"])
    check_classes(plans, "2d_tiny", "nnUNetTrainer", "plans")


@pytest.mark.parametrize("trainer", ["os", "join", "nnUNetTrainerOfSomebody"])
def test_a_trainer_that_is_not_installed(plans: dict[str, Any], trainer: str) -> None:
    with pytest.raises(InputError) as caught:
        check_classes(plans, "2d_tiny", trainer, "plans")
    message = one_line(caught, f"plans: trainer: found '{trainer}', expected one of nnU-Net's")
    assert message.endswith("install the package that brings the method")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file_ending": "/../../outside.nii.gz"}, "file_ending: found"),
        ({"channel_names": {"0": "fat"}}, "channel_names: found {'0': 'fat'}, expected {'0': 'water'}"),
        ({"plane": "axial"}, "plane: found 'axial', expected 'coronal'"),
        ({"labels": {"background": 0, "level1": 1}}, "labels: found others than the study's levels"),
        ({"regions_class_order": [1, 9]}, "labels: found others than the study's levels"),
    ],
)
def test_a_data_set_that_is_not_the_studys(
    shared: Shared, tampered: Callable[..., Path], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    dataset_json = json.loads(content(shared, "dataset.json"))
    text = json.dumps({**dataset_json, **change}).encode()
    assert message in refusal(tampered({"dataset.json": text}), tmp_path)


@pytest.mark.parametrize("name", ["plans.json", "dataset.json"])
def test_text_that_is_no_json_object(tampered: Callable[..., Path], tmp_path: Path, name: str) -> None:
    assert f"{name}: found no JSON object" in refusal(tampered({name: b"[1, "}), tmp_path)
