"""What is in the bundles, by the platforms' documents, and what is not."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tomllib
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from bmseg.errors import InputError
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.platforms.bundle import Organised, requirements, write_reference
from bmseg.leaderboard.platforms.codabench import BUNDLE, columns, export_codabench, to_yaml
from bmseg.leaderboard.platforms.grand_challenge import export_grand_challenge
from bmseg.leaderboard.platforms.run_grand_challenge import Sockets
from bmseg.leaderboard.platforms.scored import level_keys
from bmseg.leaderboard.scoring import Reference
from bmseg.study import load_study
from tests.bmseg.leaderboard.boards import AFFINE, EXAMS, make_board, mask_of, with_rules
from tests.support.command_line import bmseg
from tests.support.files import bytes_of

yaml = pytest.importorskip("yaml")

PROJECT = Path(__file__).parents[4]
IMAGE = "team/scoring:1"
# codabench, documentation/docs/Organizers/Benchmark_Creation/Yaml-Structure.md: the fields under "Required",
# and of the others those that the bundle uses.
REQUIRED = {
    "competition": {"version", "title", "image", "terms", "pages", "phases", "tasks", "leaderboards"},
    "page": {"title", "file"},
    "phase": {"name", "start", "tasks"},
    "task": {"index", "name", "scoring_program"},
    "leaderboard": {"title", "key", "columns"},
    "column": {"title", "key", "index"},
}
OPTIONAL = {
    "competition": {
        "description", "registration_auto_approve", "docker_image", "make_programs_available",
        "make_input_data_available", "enable_detailed_results",
    },
    "page": set(),
    "phase": {
        "index", "description", "end", "max_submissions_per_day", "execution_time_limit",
        "accepts_only_result_submissions", "public_data",
    },
    "task": {"description", "reference_data"},
    "leaderboard": {"submission_rule"},
    "column": {"sorting", "precision"},
}  # fmt: skip


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> tuple[Board, Reference]:
    return make_board(tmp_path_factory.mktemp("bundles"))


def readers_of(board: Board, reference: Reference) -> dict[str, Path]:
    return {reader: board.root.parent / "readers" / reader for reader in reference.readers}


@pytest.fixture(scope="module")
def codabench(board: tuple[Board, Reference]) -> Path:
    out = board[0].root.parent / "codabench"
    end = date(2027, 1, 1)
    export_codabench(
        board[0].root, readers_of(*board), out, docker_image=IMAGE, start=date(2026, 12, 1), end=end
    )
    return out


@pytest.fixture(scope="module")
def grand_challenge(board: tuple[Board, Reference]) -> Path:
    sockets = Sockets("coronal-knee-mri", "marrow-mask")
    out = board[0].root.parent / "grand_challenge"
    export_grand_challenge(board[0].root, readers_of(*board), out, sockets=sockets)
    return out


def test_competition_yaml_has_what_codabench_asks_for(codabench: Path) -> None:
    with zipfile.ZipFile(codabench / BUNDLE) as archive:
        competition = yaml.safe_load(archive.read("competition.yaml"))
        names = set(archive.namelist())
        logo = Image.open(io.BytesIO(archive.read(competition["image"])))
    check_fields("competition", competition)
    for kind, inner in (("page", "pages"), ("phase", "phases"), ("task", "tasks")):
        for one in competition[inner]:
            check_fields(kind, one)
    (leaderboard,) = competition["leaderboards"]
    check_fields("leaderboard", leaderboard)
    for place, column in enumerate(leaderboard["columns"]):
        check_fields("column", column)
        assert column["index"] == place
        # src/apps/leaderboards/models.py: max_length
        assert len(column["key"]) <= 36 and len(column["title"]) <= 36
    # The first column decides the place: "Leaderboard Functionality", primary column.
    assert leaderboard["columns"][0]["key"] == "score"
    assert leaderboard["columns"][0]["sorting"] == "desc"
    task = competition["tasks"][0]
    files = {competition["image"], competition["terms"], *(page["file"] for page in competition["pages"])}
    files |= {task["scoring_program"], task["reference_data"], competition["phases"][0]["public_data"]}
    assert files | {"competition.yaml"} == names
    assert logo.size == (256, 256) and len(logo.getcolors()) == 3
    assert competition["docker_image"] == IMAGE
    assert competition["phases"][0]["start"] == "2026-12-01 00:00:00"
    assert competition["make_programs_available"] is False
    assert competition["phases"][0]["accepts_only_result_submissions"] is True


def check_fields(kind: str, values: dict[str, Any]) -> None:
    assert REQUIRED[kind] <= values.keys() <= REQUIRED[kind] | OPTIONAL[kind]


def test_pages_say_what_to_submit_and_that_the_cohort_is_synthetic(codabench: Path) -> None:
    with zipfile.ZipFile(codabench / BUNDLE) as archive:
        data, overview = (archive.read(f"pages/{page}.md").decode() for page in ("data", "overview"))
    assert "Synthetic cohort" in overview
    assert all(f"| {exam} | 24 x 20 x 6 |" in data for exam in EXAMS)
    assert "| 3 | level3" in data


def test_participants_get_the_contract_and_no_mask(codabench: Path) -> None:
    with zipfile.ZipFile(codabench / BUNDLE) as archive:
        public, program, reference = (
            zipfile.ZipFile(io.BytesIO(archive.read(f"{name}.zip"))).namelist()
            for name in ("public_data", "scoring_program", "reference_data")
        )
    assert public == ["exams.json", "study.toml"]
    assert not [name for name in program if name.endswith(".nii.gz") or "__pycache__" in name]
    assert {
        "score.py",
        "metadata.yaml",
        "bmseg/leaderboard/scoring.py",
        "evaluation/measures/dice.py",
    } <= set(program)
    assert sum(name.endswith(".nii.gz") for name in reference) == 12


def test_the_image_of_grand_challenge_holds_no_mask(grand_challenge: Path) -> None:
    dockerfile = (grand_challenge / "Dockerfile").read_text()
    # comic/grand-challenge.org, app/grandchallenge/components/tasks.py: without it, the image is run once.
    assert 'LABEL org.grand-challenge.api-method="invoke"' in dockerfile
    copied = [line.split()[2:-1] for line in dockerfile.splitlines() if line.startswith("COPY")]
    assert sorted(name for names in copied for name in names) == [
        "app.py", "bmseg", "dataset_conversion", "evaluate.py", "evaluation", "requirements.txt"
    ]  # fmt: skip
    ignored = (grand_challenge / ".dockerignore").read_text().split()
    assert {"ground_truth", "ground_truth.tar.gz", "test"} <= set(ignored)
    with tarfile.open(grand_challenge / "ground_truth.tar.gz") as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == sorted(bytes_of(grand_challenge / "ground_truth"))
    assert {(member.uid, member.uname, member.mtime) for member in members} == {(0, "", 0)}


def test_scripts_and_sockets_of_grand_challenge(grand_challenge: Path) -> None:
    scripts = sorted(grand_challenge.glob("*.sh"))
    assert [script.name for script in scripts] == ["do_build.sh", "do_save.sh", "do_test_run.sh"]
    for script in scripts:
        assert script.stat().st_mode & 0o100
        subprocess.run(["bash", "-n", script], check=True)
    evaluate = (grand_challenge / "evaluate.py").read_text()
    assert "SOCKETS = Sockets(image='coronal-knee-mri', mask='marrow-mask')" in evaluate
    compile(evaluate, "evaluate.py", "exec")


def test_the_same_board_gives_the_same_bytes_with_nothing_of_this_machine(
    board: tuple[Board, Reference], codabench: Path, grand_challenge: Path, tmp_path: Path
) -> None:
    readers = readers_of(*board)
    # The order in which readers are named is no difference.
    turned = dict(reversed(readers.items()))
    again, other = tmp_path / "a", tmp_path / "b"
    export_codabench(
        board[0].root, turned, again, docker_image=IMAGE,
        start=date(2026, 12, 1), end=date(2027, 1, 1),
    )  # fmt: skip
    sockets = Sockets("coronal-knee-mri", "marrow-mask")
    export_grand_challenge(board[0].root, turned, other, sockets=sockets)
    assert bytes_of(codabench) == bytes_of(again)
    assert bytes_of(grand_challenge) == bytes_of(other)
    texts = [*unpacked((codabench / BUNDLE).read_bytes()), *bytes_of(codabench).values()]
    texts += bytes_of(grand_challenge).values()
    assert any(b"class Reference" in text for text in texts)
    own = [board[0].root.parent, PROJECT, tmp_path.parent]
    assert not [path for path in own if any(str(path).encode() in text for text in texts)]
    assert not list(tmp_path.glob(".partial-*"))


def test_the_command_writes_the_same_bundle(
    board: tuple[Board, Reference], grand_challenge: Path, tmp_path: Path
) -> None:
    readers = [
        word for name, folder in readers_of(*board).items() for word in ("--reader", f"{name}={folder}")
    ]
    sockets = ("--image-socket", "coronal-knee-mri", "--mask-socket", "marrow-mask")
    place = ("--board", board[0].root, "-o", tmp_path / "out")
    result = bmseg("leaderboard", "bundle", "grand-challenge", *place, *readers, *sockets)
    assert result.returncode == 0, result.stderr
    assert "whoever has it has the answers" in result.stdout
    assert bytes_of(tmp_path / "out") == bytes_of(grand_challenge)


def unpacked(archive: bytes) -> list[bytes]:
    """Every file of a zip, and of the zips in it."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    inner = [one for name, data in files.items() if name.endswith(".zip") for one in unpacked(data)]
    return [*files.values(), *inner]


def test_what_a_header_says_of_a_person_is_left_out(board: tuple[Board, Reference], tmp_path: Path) -> None:
    readers = {}
    for place, reader in enumerate(board[1].readers[:2]):
        readers[reader] = tmp_path / reader
        readers[reader].mkdir()
        for exam in EXAMS:
            image = nib.Nifti1Image(mask_of(exam, place), AFFINE)
            image.header["descrip"] = b"Jane Doe 1999"
            image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Jane Doe"))
            nib.save(image, readers[reader] / f"{exam}.nii.gz")
    write_reference(Organised.of(board[0].root, readers), tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.nii.gz"):
        image = nib.load(path)
        assert not image.header.extensions and not bytes(image.header["descrip"]).strip(b"\0")
        assert np.array_equal(image.dataobj, mask_of(path.name.split(".")[0], int(path.parent.name[-1]) - 1))


def test_requirements_are_those_of_the_project() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in project["dependencies"]}
    lines = requirements().splitlines()
    assert {line.split("==")[0].lower() for line in lines} == wanted
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+]*", line) for line in lines)


@pytest.mark.parametrize(
    "text", ["é: [x] # 'no' \"quotes\"", "tab\tand\nline", "\x7f\x85\u2028\ufeff", "😀", "yes", ""]
)
def test_yaml_keeps_any_text(text: str) -> None:
    value = {"title": text, "pages": [{"file": text, "tasks": [0, 1]}, {"file": "b"}], "open": True, "n": 4.5}
    assert yaml.safe_load(to_yaml(value)) == value


def test_columns_follow_the_yardstick_and_long_names_stay_apart() -> None:
    names = ["a" * 60 + "1", "a" * 60 + "2"]
    levels = [
        level.model_copy(update={"name": name})
        for level, name in zip(load_study().levels, names, strict=False)
    ]
    study = load_study().model_copy(update={"levels": levels, "groups": []})
    challenge = with_rules(yardstick="usual")
    found = columns(study, challenge, n_readers=4)
    assert [column["key"].split("_")[0] for column in found[:5]] == [
        "score",
        "usual",
        "usual",
        "fair",
        "fair",
    ]
    assert len({column["key"] for column in found}) == len(found)
    assert all(len(column["key"]) <= 36 and len(column["title"]) <= 36 for column in found)
    one_reader = [column["key"] for column in columns(study, challenge, n_readers=1)]
    assert not [key for key in one_reader if key.startswith("fair")]
    keys = level_keys(["x-y", "x_y_2", "x.y"])
    assert len(set(keys.values())) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"docker_image": "two words"}, "docker_image: found 'two words'"),
        ({"end": date(2026, 12, 1)}, "end: found 2026-12-01, expected a day after the start"),
        ({"out": "."}, "found files and no provenance.json of a bundle for Codabench"),
        ({"readers": "turned"}, "readers' masks: found others of reader1, reader2"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_leaves_nothing(
    board: tuple[Board, Reference], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    readers = readers_of(*board)
    if change.get("readers"):
        readers |= {"reader1": readers["reader2"], "reader2": readers["reader1"]}
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    out = tmp_path / "kept" if "out" in change else tmp_path / "new"
    options = {"docker_image": IMAGE, "start": date(2026, 12, 1), "end": None} | {
        name: value for name, value in change.items() if name in ("docker_image", "end")
    }
    with pytest.raises(InputError, match=re.escape(message)):
        export_codabench(board[0].root, readers, out, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["file"]


def test_a_slug_that_is_none_is_refused(board: tuple[Board, Reference], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--mask-socket: found 'No slug'"):
        export_grand_challenge(
            board[0].root, readers_of(*board), tmp_path / "new", sockets=Sockets(mask="No slug")
        )
