"""Exit codes and messages: 2 for misuse, one line, no traceback."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from bmseg.commands.cli import cli
from bmseg.methods import methods
from bmseg.study import DEFAULT_STUDY
from bmseg.workspace import open_workspace
from tests.support.command_line import assert_refused, bmseg

Writer = Callable[..., Path]
SARCOMA = str(DEFAULT_STUDY.parents[1] / "ibsi_extremity" / "study.toml")


@pytest.fixture
def folders(tmp_path: Path, write_mask: Writer) -> Path:
    """Folders r1, r2, r3 and net with masks of exams a and b."""
    rng = np.random.default_rng(0)
    for exam in "ab":
        truth = rng.integers(0, 4, (8, 8, 4))
        for rater in ("r1", "r2", "r3", "net"):
            wrong = rng.random(truth.shape) < 0.1
            mask = np.where(wrong, 0, truth).astype(np.uint8)
            write_mask(tmp_path / rater / f"{exam}.nii.gz", mask)
    return tmp_path


def evaluate(folder: Path, *more: object) -> subprocess.CompletedProcess[str]:
    readers = [f"--reader=reader{n}={folder / f'r{n}'}" for n in (1, 2, 3)]
    return bmseg("evaluate", *readers, f"--prediction=net={folder / 'net'}", "-o", folder / "out", *more)


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_plain_folders(folders: Path) -> None:
    result = evaluate(folders)
    assert result.returncode == 0, result.stderr
    assert "Dice against the consensus of 3 readers, 2 exams" in result.stdout
    assert "Not given: Reader 4 of the study's 4 readers" in result.stdout
    assert (folders / "out" / "table1.html").is_file()


def test_mask_of_another_geometry(folders: Path, write_mask: Writer) -> None:
    write_mask(folders / "net" / "a.nii.gz", np.zeros((8, 8, 4), np.uint8), np.diag([0.9, 0.9, 3, 1]))
    assert_refused(evaluate(folders), "net/a.nii.gz: spacing: found 0.9 x 0.9 x 3 mm, expected")


def test_one_slice_against_four(folders: Path, write_mask: Writer) -> None:
    write_mask(folders / "net" / "a.nii.gz", np.zeros((8, 8, 1), np.uint8))
    assert_refused(evaluate(folders), "net/a.nii.gz: size: found 8 x 8 x 1, expected 8 x 8 x 4")


def test_missing_and_extra_prediction(folders: Path) -> None:
    (folders / "net" / "b.nii.gz").rename(folders / "net" / "z.nii.gz")
    assert_refused(evaluate(folders), "exams: net: missing b; net: extra z; expected the same 2 exams")


@pytest.mark.parametrize(("value", "found"), [(7, "found 7 in 1 of"), (1.5, "found 1.5 in 1")])
def test_undeclared_label(folders: Path, write_mask: Writer, value: float, found: str) -> None:
    mask = np.zeros((8, 8, 4), np.float32)
    mask[1, 2, 3] = value
    write_mask(folders / "r2" / "a.nii.gz", mask)
    assert_refused(evaluate(folders, "--study", DEFAULT_STUDY), f"r2/a.nii.gz: label: {found}")


def test_empty_folder(folders: Path) -> None:
    for path in (folders / "net").iterdir():
        path.unlink()
    assert_refused(evaluate(folders), "net: found no mask, expected <exam>.nii.gz files")


def test_truncated_file(folders: Path) -> None:
    path = folders / "r3" / "a.nii.gz"
    path.write_bytes(path.read_bytes()[:100])
    assert_refused(evaluate(folders), "r3/a.nii.gz: cannot be read as NIfTI, truncated or damaged")


def test_unknown_reader(folders: Path) -> None:
    reader = f"--reader=raeder9={folders / 'r1'}"
    result = bmseg("evaluate", reader, "-o", folders / "out", "--study", DEFAULT_STUDY)
    assert_refused(result, "reader: found raeder9, expected one of reader1, reader2, reader3, reader4")
    assert "did you mean reader" in result.stderr


def test_study_file_with_a_duplicated_label_value(folders: Path) -> None:
    study = folders / "study.toml"
    study.write_text(DEFAULT_STUDY.read_text().replace("value = 2", "value = 1"))
    assert_refused(evaluate(folders, "--study", study), "study.toml: levels.value: found 1 more than once")


@pytest.mark.usefixtures("no_figures", "few_tables")
def test_flipped_reader_is_named_with_the_dice_that_shows_it(test_data: Path, tmp_path: Path) -> None:
    """Three real readers; reader 2 is stored flipped under an identical header."""
    study = tmp_path / "study.toml"
    study.write_text(
        'name = "lesions"\ntitle = "Lesions"\nplane = "axial"\ntraining_reader = "reader1"\n'
        '[dataset]\nid = 1\nname = "Lesions"\n[[channels]]\nname = "flair"\n'
        '[[levels]]\nvalue = 1\nname = "lesion"\ncolor = "#ff0000"\n'
        + "".join(f'[[readers]]\nname = "reader{n}"\n' for n in (1, 2, 3))
        + '[scores]\nmeasures = ["dice"]\n'
    )
    options = []
    for n in (1, 2, 3):
        folder = tmp_path / f"r{n}"
        folder.mkdir()
        source = test_data / "stapler_three_readers" / "extdata" / f"seg_{n}.nii.gz"
        (folder / "subject.nii.gz").write_bytes(source.read_bytes())
        options.append(f"--reader=reader{n}={folder}")
    result = bmseg("evaluate", *options, "--study", study, "-o", tmp_path / "out")
    assert result.returncode == 0
    assert "warning: subject: reader2: the mask looks flipped against reader1" in result.stderr
    flipped = "Dice 0.088 where the headers put them, 0.748 when flipped along array axis 0 and 1"
    assert flipped in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "--prediction", "net=x", "-o", "out"], "--prediction needs --reader"),
        (["evaluate", "--reader", "reader1=x"], "--reader needs -o"),
        (["evaluate", "--reader", "reader1", "-o", "out"], "found 'reader1', expected NAME=FOLDER"),
        (["evaluate", "--reader", "reader1=none", "-o", "out"], "none: no such folder"),
        (["evaluate", "-w", "none"], "none: found no workspace"),
        (["convert", "nifti", "--table", "none.csv"], "none.csv: no such file"),
        (
            ["convert", "nifti", "--table", "x", "--map-label", "a=b"],
            "found 'a=b', expected FOUND=VALUE with a whole number, as 255=1",
        ),
        (["report", "-w", "none"], "none: found no workspace"),
        (["train", "unet", "-w", "none"], "none: found no workspace"),
        (["train", "--epochs", "0"], "'--epochs': 0 is not in the range x>=1"),
        (["train", "--folds", "4-0"], "'--folds': found '4-0', expected folds as 0, 0-4, 0,2,4 or all"),
        (["evaluate", "--unit", "exams"], "'exams' is not one of 'exam', 'knee'; did you mean exam?"),
        (["predict", "--folds", "first"], "'--folds': found 'first', expected folds as"),
        (["phantom", "--study", SARCOMA], "plane: found axial, expected coronal"),
        (["evaluate", "--study", "none.toml", "--reader", "reader1=x", "-o", "o"], "no such study file"),
    ],
)
def test_misuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(bmseg(*words), message)
    assert not list(tmp_path.iterdir())


def test_the_installed_program() -> None:
    program = Path(sys.executable).parent / "bmseg"
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    assert "how good is a segmentation model" in shown.lower()
    wrong = subprocess.run([program, "evaluate", "-w", "none"], capture_output=True, text=True)
    assert_refused(wrong, "none: found no workspace")


def test_help_groups_the_commands_and_its_examples_are_commands() -> None:
    shown = bmseg("--help").stdout
    headings = re.findall(r"^(\w+):$", shown, re.MULTILINE)
    assert headings == ["Options", "Data", "Train", "Score", "Share", "Readers"]
    assert sorted(re.findall(r"^  ([a-z][a-z-]+)  ", shown, re.MULTILINE)) == sorted(cli.commands)
    examples = re.findall(r"^  \$ (bmseg .*)$", shown, re.MULTILINE)
    assert len(examples) == 5
    for example in examples:
        assert unknown_words(example) == [], example


def unknown_words(line: str) -> list[str]:
    """Words of a command line that name no command or no option of it."""
    words, command = line.split()[1:], cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return words[:1]
        command = command.commands[words.pop(0)]
    known = {one for option in command.params for one in (*option.opts, *option.secondary_opts)}
    given = [word.partition("=")[0] for word in words if re.match("--?[a-z]", word)]
    return [word for word in given if word not in known | {"--help", "-h", "--version"}]


def lines_that_name_commands() -> list[str]:
    """Command lines in documents (in a line or a block), in the Makefile and in what bmseg prints."""
    root = Path(__file__).parents[3]
    found = []
    for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        text = path.read_text().replace("\\\n", " ")
        found += re.findall(r"`(bmseg [a-z][^`\n]*)`", text)
        for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
            found += re.findall(r"^\s*(bmseg [a-z].*?)(?:  +#.*)?$", block, re.MULTILINE)
    for path in (root / "bmseg").rglob("*.py"):
        found += re.findall(r"'(bmseg [a-z][^'\n]*)'", path.read_text())
    makefile = (root / "Makefile").read_text().replace("$(BOARD)", "bmseg leaderboard")
    found += re.findall(r"^\s+(bmseg [a-z].*)$", makefile.replace("$(BMSEG)", "bmseg"), re.MULTILINE)
    return found


def test_commands_that_are_named_anywhere_exist() -> None:
    lines = lines_that_name_commands()
    assert len(lines) > 100
    assert {line: unknown_words(line) for line in lines if unknown_words(line)} == {}
    assert unknown_words("bmseg leaderboard export codabench") == ["export"]
    assert unknown_words("bmseg train unet --fold 0") == ["--fold"]


def test_a_report_before_its_evaluation_names_the_command_to_paste(tmp_path: Path) -> None:
    open_workspace(tmp_path / "my knees", create=True)
    refused = bmseg("report", "-w", tmp_path / "my knees")
    assert_refused(refused, f"no finished evaluation; run 'bmseg evaluate -w '{tmp_path}/my knees'' first")


def test_methods_are_listed_in_order_with_their_profiles() -> None:
    lines = bmseg("methods").stdout.splitlines()
    listed = {line.split()[0]: line for line in lines}
    assert list(listed) == [*methods()]
    assert listed.pop("nnunet_resenc_m").endswith(" (full)")
    assert all(line.endswith(" (quick, full)") for line in listed.values())
    # The names stand in a column of their own.
    assert len({len(line) - len(line.split(maxsplit=1)[1]) for line in lines}) == 1


@pytest.mark.parametrize("command", ["train", "predict"])
def test_an_unknown_method(tmp_path: Path, command: str) -> None:
    open_workspace(tmp_path, create=True)
    result = bmseg(command, "segnet", "-w", tmp_path)
    assert_refused(result, "method: found 'segnet', expected one of nnunet, nnunet_resenc, ")


def test_options_of_a_training_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "bmseg.nnunet.train", lambda _, training, **how: called.append({"of": training, **how})
    )
    monkeypatch.setattr("bmseg.nnunet.tensorboard.check_tensorboard", lambda: None)
    open_workspace(tmp_path, create=True)
    words = ["--folds", "1,3-4", "--epochs", "7", "--iterations", "5", "--seed", "9"]
    result = bmseg("train", "unet", "-w", tmp_path, *words, "--restart", "--deterministic", "--tensorboard")
    assert result.returncode == 0, result.stderr
    assert [call.pop("fold") for call in called] == [1, 3, 4]
    training = called[0]["of"]
    assert (training.method.name, training.profile.epochs, training.profile.iterations) == ("unet", 7, 5)
    wanted = {"of": training, "seed": 9, "restart": True, "deterministic": True, "tensorboard": True}
    assert called == [wanted] * 3


def test_exam_in_training_and_test(tmp_path: Path, write_mask: Writer) -> None:
    for name in ("image", "mask"):
        write_mask(tmp_path / f"{name}.nii.gz", np.zeros((4, 4, 4), np.uint8))
    (tmp_path / "cohort.csv").write_text(
        "exam,split,water,reader1\na,training,image.nii.gz,mask.nii.gz\na,test,image.nii.gz,mask.nii.gz\n"
    )
    result = bmseg("convert", "nifti", "--table", tmp_path / "cohort.csv", "-w", tmp_path / "w")
    assert_refused(result, "exam a: split: found in training and in test, expected in one")


def test_a_refused_exam_ends_with_exit_code_1_and_is_named(tmp_path: Path, write_mask: Writer) -> None:
    write_mask(tmp_path / "image.nii.gz", np.zeros((4, 4, 4), np.int16), np.diag([0.9, 3.5, 0.9, 1]))
    write_mask(tmp_path / "mask.nii.gz", np.zeros((4, 4, 4), np.uint8))
    (tmp_path / "cohort.csv").write_text("exam,split,water,reader1\na,training,image.nii.gz,mask.nii.gz\n")
    result = bmseg("convert", "nifti", "--table", tmp_path / "cohort.csv", "-w", tmp_path / "w")
    assert_refused(result, "1 exam refused", code=1)
    assert "refused: a: reader1 (" in result.stderr
    assert "spacing: found" in result.stderr


def test_the_phantom_leaves_converted_exams_alone(tmp_path: Path, write_mask: Writer) -> None:
    grid = np.diag([0.9, 3.5, 0.9, 1])
    write_mask(tmp_path / "image.nii.gz", np.ones((4, 4, 4), np.int16), grid)
    write_mask(tmp_path / "mask.nii.gz", np.zeros((4, 4, 4), np.uint8), grid)
    (tmp_path / "cohort.csv").write_text("exam,split,water,reader1\na,training,image.nii.gz,mask.nii.gz\n")
    root = tmp_path / "w"
    assert bmseg("convert", "nifti", "--table", tmp_path / "cohort.csv", "-w", root).returncode == 0
    before = {path: path.read_bytes() for path in root.rglob("*.*") if path.is_file()}
    assert_refused(bmseg("phantom", "-w", root), "imagesTr: found a (1 such), expected only the exams")
    assert {path: path.read_bytes() for path in root.rglob("*.*") if path.is_file()} == before


def test_masks_in_another_axis_order_are_brought_to_the_image_and_named(
    tmp_path: Path, write_mask: Writer
) -> None:
    write_mask(tmp_path / "image.nii.gz", np.ones((4, 5, 6), np.int16), np.diag([0.9, 3.5, 0.9, 1]))
    turned = np.array([[0, 0, 0.9, 0], [0, 3.5, 0, 0], [0.9, 0, 0, 0], [0, 0, 0, 1]])
    write_mask(tmp_path / "mask.nii.gz", np.ones((6, 5, 4), np.uint8), turned)
    rows = [f"e{n},training,image.nii.gz,mask.nii.gz\n" for n in range(5)]
    (tmp_path / "cohort.csv").write_text("exam,split,water,reader1\n" + "".join(rows))
    result = bmseg("convert", "nifti", "--table", tmp_path / "cohort.csv", "-w", tmp_path / "w")
    assert result.returncode == 0, result.stderr
    assert (
        "brought to the axis order of their image: 5 masks (e0 reader1, e1 reader1, e2 reader1 and 2 more)\n"
    ) in result.stdout


def test_a_field_of_the_library_is_an_option_of_the_command(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders)
    design = ("design", "--sd", 0.1, "--margin", -1, "-o", "plan")
    assert_refused(bmseg(*design), "Error: --margin: found -1, expected a number above 0")
    # A file of that name is a file; and what no option of the command is called stays as it is.
    (folders / "margin").mkdir()
    assert_refused(bmseg(*design), "Error: margin: found -1")
    assert_refused(bmseg("submission", "check", "x.zip", "--contract", "none.json"), "Error: none.json: ")
