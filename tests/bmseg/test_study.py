import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bmseg.errors import InputError
from bmseg.study import DEFAULT_STUDY, Study, load_study
from bmseg.study.faults import _PATTERNS
from bmseg.study.written import Draft, study_text

TEXT = DEFAULT_STUDY.read_text()


def load(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text)
    load_study(path)


def test_the_reference_study() -> None:
    study = load_study()
    assert study.reader_names == ["reader1", "reader2", "reader3", "reader4"]
    assert study.levels_by_name["level2+3"] == (2, 3)
    assert study.label_values == (0, 1, 2, 3)
    assert study.dataset_spec.folder_name == "Dataset501_BoneMarrow"


@pytest.mark.parametrize(
    ("found", "instead", "message"),
    [
        ("value = 2", "value = 1", "levels.value: found 1 more than once"),
        ("value = 2", "value = 5", r"levels.value: found \[1, 5, 3\], expected 1 to 3"),
        ("value = 2", 'value = "two"', r"levels.1.value: found 'two', expected a whole number$"),
        ("value = 2", "value = true", r"levels.1.value: found true, expected a whole number$"),
        ("levels = [2, 3]", "levels = []", r"groups.0.levels: found none, expected at least 1 of them$"),
        ('name = "reader2"', 'name = "reader 2"', r"readers.1.name: found 'reader 2', expected letters \("),
        ('name = "level2"', 'name = "level1"', "levels.name and groups.name: found level1 more than"),
        ('name = "reader2"', 'name = "reader1"', "readers.name: found reader1 more than once"),
        ("levels = [2, 3]", "levels = [2, 4]", r"groups.level2\+3: found levels \[4\], expected some"),
        ('training_reader = "reader1"', 'training_reader = "anna"', "training_reader: found 'anna'"),
        (
            'rule = "multilabel"',
            'rule = "median"',
            "consensus.rule: found 'median', expected multilabel, map, ",
        ),
        ('plane = "coronal"', 'plane = "frontal"', "plane: found 'frontal', expected coronal, axial or"),
        ('plane = "coronal"', "", "plane: found none, expected one$"),
        (
            "[scores]",
            '[scores]\nmeasures = ["hd96"]',
            "scores.measures: found 'hd96', .* did you mean hd95",
        ),
        (
            "[scores]",
            '[scores]\nmeasures = ["nsd@0"]',
            "scores.measures: .* expected a tolerance in mm above 0",
        ),
        ("[scores]", '[scores]\none_empty = "zero"', "scores.one_empty: found 'zero'"),
        ("[scores]", "[scores]\ntolerance_quantile = 95", "scores.tolerance_quantile: found 95"),
        ("[scores]", "[foci]\nconnectivity = 8\n[scores]", "foci.connectivity: found 8"),
        ("[scores]", "[foci]\nsmallest_mm3 = -1.0\n[scores]", "foci.smallest_mm3: found -1.0"),
        (
            "[scores]",
            '[foci]\nmatching = "centre"\n[scores]',
            "foci.matching: found 'centre', expected overlap or a number",
        ),
        (
            "[scores]",
            '[scores]\nempty_masks = "one"',
            "scores.empty_masks: found an unknown key, expected one of .*; did you mean empty_mask",
        ),
        (
            "[scores]",
            "[scores]\nfoo = 1",
            "scores.foo: found an unknown key, .*, measures, .*; correct or remove it",
        ),
        ("[scores]", '[desing]\nincomplete = "allow"\n[scores]', "desing: found .* did you mean design"),
        ("[[levels]]", "[[level]]", "level: found an unknown key, .*; did you mean levels"),
        ('rule = "multilabel"', 'rule = "majorty"', "consensus.rule: found .* did you mean majority"),
        ('"#ffe100"', '"yellow"', "levels.2.color: found 'yellow', expected a colour as '#1f5fff'"),
        ('name = "water"', 'name = "../water"', "channels.0.name: found '../water'"),
        ("value = 2", "value = ", "not valid TOML"),
        ('name = "level2"', 'name = "ignore"', "levels.name and groups.name: found ignore, expected another"),
    ],
)
def test_faults_are_one_line_with_file_field_found_and_expected(
    tmp_path: Path, found: str, instead: str, message: str
) -> None:
    assert found in TEXT
    with pytest.raises(InputError, match=message) as error:
        load(tmp_path, TEXT.replace(found, instead, 1))
    assert str(error.value).startswith(str(tmp_path / "study.toml"))
    assert "\n" not in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such study file"):
        load_study(tmp_path / "study.toml")


def test_what_is_no_study_file_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found a folder, expected a study file; name the file$"):
        load_study(tmp_path)
    path = tmp_path / "latin.toml"
    path.write_bytes('name = "a"\ntitle = "Ödem"\n'.encode("latin-1"))
    with pytest.raises(
        InputError, match="latin.toml: line 2: found characters that are no UTF-8, .* save the"
    ):
        load_study(path)


def test_every_form_that_a_study_file_asks_for_has_words() -> None:
    """An unknown one would be printed as a regular expression."""
    schema = json.dumps(Study.model_json_schema())
    assert {json.loads(found) for found in re.findall(r'"pattern": (".*?")[,}]', schema)} <= set(_PATTERNS)


def test_a_study_for_evaluations_alone(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    draft = Draft("heads", 'Heads "of" all', ["anna", "ben"], {"cord": 3, "eye": 500}, False, "axial")
    path.write_text(study_text(draft))
    study = load_study(path)
    assert study.label_values == (0, 3, 500)
    assert study.design().by_name == {"cord": (3,), "eye": (500,)}
    with pytest.raises(InputError, match="study heads: found no dataset, channels, training_reader"):
        _ = study.dataset_spec
    # What is written as a comment makes a study that trains, but for the values.
    path.write_text(study_text(replace(draft, levels={"cord": 1, "eye": 2}, channels=["ct"])))
    assert load_study(path).dataset_spec.channels == ("ct",)
    path.write_text(study_text(replace(draft, channels=["ct"])))
    with pytest.raises(InputError, match=r"levels.value: found \[3, 500\], expected 1 to 2"):
        load_study(path)


def test_levels_readers_and_models_are_shown_by_their_titles(tmp_path: Path) -> None:
    titles = load_study().design().titles
    assert [titles[name] for name in ("level1", "level2+3", "reader4")] == [
        "Level 1", "Levels 2 and 3", "Reader 4"
    ]  # fmt: skip
    assert titles["nnunet"] == "nnU-Net"
    path = tmp_path / "study.toml"
    path.write_text(TEXT + '\n[[models]]\nname = "unet"\ntitle = "Ours"\n')
    assert load_study(path).design().shown("unet") == "Ours"


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("\uff2cevel 1", "title of level2: found '.evel 1', as level1 is called or shown"),
        ("Level\u00a02", "levels.1.title: .* nothing invisible"),
        ("LEVEL1", "title of level2: found 'LEVEL1', as level1 is called or shown"),
        ("Reader 3", "title of reader3: found 'Reader 3', as level2 is called or shown"),
        ("the consensus", "title of level2: found 'the consensus', as the consensus is"),
        ("$x^2$", "levels.1.title: found '.x.2.', expected: letters"),
        ("<b>2</b>", "levels.1.title: found '<b>2</b>', expected: letters"),
        ("a\u202eb", "levels.1.title: .* nothing invisible"),
        ("two\\nlines", "levels.1.title: .* no line breaks"),
        (" 2", "levels.1.title"),
        ("", "levels.1.title"),
        ("x" * 41, "levels.1.title: .* at most 40"),
    ],
)
def test_a_title_that_misleads_is_refused(tmp_path: Path, title: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tmp_path, TEXT.replace('title = "Level 2"', f'title = "{title}"'))
