"""Which methods there are: bmseg's own and those of other packages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bmseg.errors import InputError, WorkError
from bmseg.methods import get_method, methods, packages_of_methods, trainer_paths
from bmseg.methods.profiles import PROFILES

OWN = ["nnunet", "nnunet_resenc", "nnunet_resenc_m", "unet", "nnunet_ordinal", "nnunet_topk"]
METHOD = """
from bmseg.methods import Method, Recipe

METHOD = Method("{name}", "an example", {{"quick": Recipe("2d", "{trainer}")}})
"""
TRAINER = """
from bmseg.trainers.scheduled import nnUNetTrainerScheduled


class nnUNetTrainerExample(nnUNetTrainerScheduled):
    pass
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a package with a method where Python looks for packages."""
    before = set(sys.modules)

    def write(name: str, source: str, package: str = "example") -> None:
        site = tmp_path / package
        information = site / f"{package}-1.0.dist-info"
        information.mkdir(parents=True)
        (site / f"{package}_method.py").write_text(source)
        (site / f"{package}_trainer.py").write_text(TRAINER)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        point = f"[bmseg.methods]\n{name} = {package}_method:METHOD\n"
        (information / "entry_points.txt").write_text(point)
        monkeypatch.syspath_prepend(site)

    yield write
    for name in set(sys.modules) - before:
        if name.endswith(("_method", "_trainer")):
            del sys.modules[name]


def method_source(name: str = "example", trainer: str = "example_trainer.nnUNetTrainerExample") -> str:
    return METHOD.format(name=name, trainer=trainer)


def test_bmsegs_own_in_order() -> None:
    assert list(methods()) == OWN
    assert [method.name for method in methods().values()] == OWN
    assert packages_of_methods() == []


def test_each_has_a_recipe_for_each_profile() -> None:
    for method in methods().values():
        # A preset for another size of GPU has no small twin.
        assert list(method.recipes) == (["full"] if method.name == "nnunet_resenc_m" else list(PROFILES))
        assert "\n" not in method.summary


def test_an_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"^method: found 'segnet', expected one of nnunet, nnunet_r"):
        get_method("segnet")
    with pytest.raises(InputError, match=r"nnunet_topk; did you mean unet\?$"):
        get_method("unett")


def test_a_method_of_another_package(install: Install) -> None:
    install("example", method_source())
    assert list(methods()) == [*OWN, "example"]
    assert get_method("example").summary == "an example"
    assert packages_of_methods() == ["example_method"]


def test_nnunets_search_finds_the_trainer_of_another_package(install: Install, tmp_path: Path) -> None:
    pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    from bmseg.nnunet.environment import nnunet_environment
    from bmseg.workspace import Workspace

    install("example", method_source())
    with nnunet_environment(Workspace(tmp_path, "Dataset501_Tiny"), "cpu"):
        found = recursive_find_trainer_class_by_name("nnUNetTrainerExample")
    # Of the module itself, not of the searched folder: it can be pickled.
    assert (found.__module__, found.__name__) == ("example_trainer", "nnUNetTrainerExample")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("def METHOD(:", "SyntaxError: "),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("", "AttributeError: "),
    ],
)
def test_a_broken_package_is_named_in_one_line(install: Install, source: str, reason: str) -> None:
    install("example", source)
    with pytest.raises(WorkError) as caught:
        methods()
    assert str(caught.value).startswith(f"method example (example_method:METHOD): {reason}")
    assert str(caught.value).endswith("; mend or uninstall the package that brings it")
    assert "\n" not in str(caught.value)


def test_something_else_than_a_method(install: Install) -> None:
    install("example", "METHOD = 'nnunet'")
    with pytest.raises(InputError, match=r"^method example \(.*\): found 'nnunet', expected a bmseg Method$"):
        methods()


def test_two_methods_of_one_name(install: Install) -> None:
    install("mine", method_source("unet"))
    with pytest.raises(InputError, match=r"^methods: found unet more than once, expected once; rename one$"):
        get_method("nnunet")


def test_two_trainers_of_one_name(install: Install) -> None:
    install("example", method_source())
    other = method_source("other", "other_trainer.nnUNetTrainerExample")
    install("other", other, package="other")
    message = (
        r"^trainer nnUNetTrainerExample: found example_trainer\.nnUNetTrainerExample and "
        r"other_trainer\.nnUNetTrainerExample, expected one; rename a class$"
    )
    with pytest.raises(InputError, match=message):
        trainer_paths()


def test_two_methods_may_share_a_trainer(install: Install) -> None:
    install("example", method_source(trainer="bmseg.trainers.unet.nnUNetTrainerUNet"))
    assert trainer_paths()["nnUNetTrainerUNet"] == "bmseg.trainers.unet.nnUNetTrainerUNet"
