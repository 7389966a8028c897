"""What plans and weights of a model file can make nnU-Net import and load."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from bmseg.errors import InputError
from bmseg.nnunet.environment import nnunet_environment
from bmseg.nnunet.inference import Networks, load_predictor, trained_networks
from bmseg.sharing.opening import checked_networks, unpack
from bmseg.untrusted.named_classes import check_classes
from bmseg.workspace import Workspace
from tests.bmseg.sharing.conftest import FOLDER, Shared

WEIGHTS = "fold_0/weights.safetensors"
FIRST = "encoder.stages.0.0.convs.0.conv.weight"
NOT_READ = "found no weights that safetensors reads"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path) -> Iterator[None]:
    with nnunet_environment(Workspace(tmp_path / "none", "none"), "cpu", workers=1):
        yield


def content(shared: Shared, name: str) -> bytes:
    with zipfile.ZipFile(shared.file) as archive:
        return archive.read(f"{FOLDER}/{name}")


@pytest.fixture
def weights(shared: Shared) -> dict[str, Any]:
    return load(content(shared, WEIGHTS))


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
    model = unpack(path, Path(mkdtemp(dir=tmp_path)))
    with pytest.raises(InputError) as caught:
        predictor_of(checked_networks(model))
    return one_line(caught, f"{path}: ")


def predictor_of(networks: Networks) -> Any:
    return load_predictor(networks, torch.device("cpu"), mirroring=True, tile_step=0.75)


def plans_refusal(plans: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        check_classes(plans, "2d_tiny", "nnUNetTrainer", "plans")
    return one_line(caught, "plans: ")


def test_the_networks_of_a_whole_file(
    shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the workspace's, and nothing is unpickled on the way."""

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("unpickled")

    for name in ("pickle.load", "pickle.loads", "torch.load", "torch.serialization._load"):
        monkeypatch.setattr(name, refused)
    networks = checked_networks(unpack(shared.file, tmp_path))
    predictor = predictor_of(networks)
    monkeypatch.undo()
    own = trained_networks(shared.workspace.results_dataset / Path(FOLDER).name, (0, 1))
    assert (networks.trainer, networks.configuration) == (own.trainer, own.configuration)
    assert (networks.mirroring_axes, own.mirroring_axes) == ([1], (1,))
    for found, expected in zip(predictor.list_of_parameters, own.weights.values(), strict=True):
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


class Payload:
    """Runs when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        return (Path.touch, (self.witness,))


def test_a_pickle_in_place_of_weights_is_never_run(tampered: Callable[..., Path], tmp_path: Path) -> None:
    witness, stream = tmp_path / "it ran", io.BytesIO()
    torch.save({"network_weights": Payload(witness)}, stream)
    for bad in (stream.getvalue(), pickle.dumps(Payload(witness))):
        assert f"{WEIGHTS}: {NOT_READ}" in refusal(tampered({WEIGHTS: bad}), tmp_path)
        assert not witness.exists()
    pickle.loads(bad)
    assert witness.exists()  # and it would have


def header(tensors: Any, length: int = 0) -> bytes:
    text = json.dumps(tensors).encode()
    return (length or len(text)).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\x01",
        header({}, length=1 << 60),
        header([]),
        header({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}),
        header({"a": {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 16]}}) + bytes(16),
        header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}}),
        header({"a": {"dtype": "object", "shape": [2], "data_offsets": [0, 8]}}) + bytes(8),
    ],
    ids=["empty", "short", "endless header", "list", "no data", "huge", "before the file", "no numbers"],
)
def test_damaged_weights(tampered: Callable[..., Path], tmp_path: Path, bad: bytes) -> None:
    assert f"{WEIGHTS}: {NOT_READ}" in refusal(tampered({WEIGHTS: bad}), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop(FIRST), f"found no {FIRST}, expected the tensors of the plans' network"),
        (lambda weights: weights.update({"more\nlines": torch.ones(1)}), r"found 'more\nlines', expected"),
        (lambda weights: weights.update({FIRST: torch.ones(3)}), f"{FIRST}: found torch.float32 (3,) for "),
        (lambda weights: weights.update({FIRST: weights[FIRST].half()}), f"{FIRST}: found torch.float16 ("),
        (lambda weights: weights.clear(), "found no "),
    ],
)
def test_weights_of_another_network(
    weights: dict[str, Any],
    tampered: Callable[..., Path],
    tmp_path: Path,
    change: Callable[[dict[str, Any]], Any],
    message: str,
) -> None:
    change(weights)
    found = refusal(tampered({WEIGHTS: save(weights)}), tmp_path)
    assert f"{WEIGHTS}: {message}" in found


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
