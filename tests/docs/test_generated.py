"""Parts of pages that come from the code hold all of it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import evaluation
from bmseg.commands.cli import cli
from bmseg.study.meanings import MEANINGS
from docs.extensions.generated import filled, plain, python_names, study_file, study_keys
from evaluation import figures

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def named(group: click.Group, before: str = "bmseg") -> list[tuple[str, click.Command]]:
    """All commands, as they are typed."""
    found = []
    for name, command in group.commands.items():
        found.append((f"{before} {name}", command))
        found += named(command, f"{before} {name}") if isinstance(command, click.Group) else []
    return found


def test_every_command_and_option_is_on_a_page() -> None:
    text = "".join(filled(page.read_text()) for page in (REFERENCE / "commands").glob("*.md"))
    parts = re.split(r"^##+ (bmseg .*)$", text, flags=re.MULTILINE)
    described = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert sorted(described) == sorted(name for name, _ in named(cli))
    for name, command in named(cli):
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in described[name], name


def test_every_key_of_a_study_file_has_a_meaning() -> None:
    keys = set(study_keys())
    assert len(keys) > 40
    assert {key for key in keys if not MEANINGS.get(key)} == set()
    assert set(MEANINGS) - keys == set()


def test_types_and_defaults_are_said() -> None:
    page = study_file()
    assert "| `id` | whole number, from 1 to 999 | required |" in page
    assert "| `connectivity` | `6`, `18`, `26` | `26` |" in page
    assert "| `margin` | number, above 0 below 1 |  |" in page
    assert "| `dicom.plane` | `coronal`, `axial`, `sagittal` |  |" in page


def test_every_name_of_evaluation_is_on_its_page() -> None:
    text = filled((REFERENCE / "api.md").read_text())
    found = set(re.findall(r"^\.\. auto\w+:: evaluation\.([\w.]+)$", text, re.MULTILINE))
    assert {name for name in evaluation.__all__ if name != "figures"} <= found
    assert {f"figures.{name}" for name in figures.__all__} <= found
    assert ".. autoexception:: evaluation.MaskError" in python_names("MaskError")


def test_what_programs_say_is_shown_as_it_stands() -> None:
    assert plain("<exam>.nii.gz | *a_b*") == r"\<exam\>.nii.gz \| \*a\_b\*"
    with pytest.raises(ValueError, match="found nothing, expected one of commands"):
        filled("<!-- generated: nothing -->")
