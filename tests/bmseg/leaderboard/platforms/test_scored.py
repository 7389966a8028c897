"""Both bundles, run as the platforms run them: plain processes, the bundle's own copy of bmseg, no torch."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bmseg.leaderboard.adding import add_submission
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.entries import Entry
from bmseg.leaderboard.platforms.codabench import BUNDLE, export_codabench
from bmseg.leaderboard.platforms.grand_challenge import export_grand_challenge, job
from bmseg.leaderboard.platforms.run_grand_challenge import ONLY_IMAGES, PREDICTIONS_FILE
from bmseg.leaderboard.scoring import Reference, on_yardstick
from bmseg.leaderboard.standings import standings
from tests.bmseg.leaderboard.boards import AFFINE, EXAMS, SHAPE, make_board, mask_of, write_masks

# knee_b is missing, and nobody marks level 3 in knee_c.
GIVEN = ["knee_a", "knee_c"]
COPY = "the bundle's copy of bmseg"
LEVELS = {"level1": "level1", "level2": "level2", "level3": "level3", "level2+3": "level2_3"}


@dataclass(frozen=True)
class Published:
    """A board with one submission, and its bundles."""

    board: Board
    reference: Reference
    entry: Entry
    submission: Path
    codabench: Path
    grand_challenge: Path

    @property
    def row(self) -> Any:
        rows = standings(self.board).rows
        return rows[rows.key == self.entry.key].iloc[0]

    def by_exam(self, yardstick: str) -> pd.DataFrame:
        return on_yardstick(self.board.dice(self.entry), yardstick).set_index(["exam", "level"])


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    root = tmp_path_factory.mktemp("platforms")
    board, reference = make_board(root)
    readers = {reader: root / "readers" / reader for reader in reference.readers}
    submission = write_masks(root / "submission", 9, exams=GIVEN)
    entry = add_submission(board, "team", submission, reference).entry
    codabench, grand_challenge = root / "codabench", root / "grand_challenge"
    export_codabench(board.root, readers, codabench, docker_image="team/scoring:1", start=date(2026, 12, 1))
    export_grand_challenge(board.root, readers, grand_challenge)
    return Published(board, reference, entry, submission, codabench, grand_challenge)


def test_codabench_prints_the_numbers_of_the_board(published: Published, tmp_path: Path) -> None:
    program = unpack_codabench(published, tmp_path)
    # As a participant zips a folder and as the platform's worker leaves it.
    shutil.copytree(published.submission, tmp_path / "input" / "res" / "masks")
    (tmp_path / "input" / "res" / "metadata").write_text("exitCode: null\n")

    result = run_codabench(program, tmp_path)

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(COPY)
    scores = strict_json(tmp_path / "output" / "scores.json")
    row = published.row
    assert scores["score"] == row.score
    assert {level: scores[f"fair_{key}"] for level, key in LEVELS.items()} == row[list(LEVELS)].to_dict()
    usual = published.by_exam("usual").dice.fillna(0).unstack()
    usual.loc["knee_c", "level3"] = np.nan
    assert {level: scores[f"usual_{key}"] for level, key in LEVELS.items()} == usual.mean().to_dict()
    assert (scores["n_defined"], scores["n_undefined"], scores["n_missing"]) == (7, 1, 4)
    assert "missing 1 of 3 exams, which count as Dice 0: knee_b" in result.stdout
    detailed = (tmp_path / "output" / "detailed_results.html").read_text(encoding="utf-8")
    assert detailed.count("<td>undefined</td>") == 2
    assert detailed.count("<td>missing</td>") == 8


def test_codabench_refuses_and_names_every_fault(published: Published, tmp_path: Path) -> None:
    program = unpack_codabench(published, tmp_path)
    results = tmp_path / "input" / "res"
    results.mkdir()
    nib.save(nib.Nifti1Image(np.full(SHAPE, 9, np.uint8), AFFINE), results / "knee_a.nii.gz")
    nib.save(nib.Nifti1Image(mask_of("knee_b", 9)[:-1], AFFINE), results / "knee_b.nii.gz")
    (results / "knee_c.nii.gz").symlink_to(tmp_path / "input/ref/readers/reader1/knee_c.nii.gz")
    (results / "run.py").write_text("raise SystemExit('never run')")

    result = run_codabench(program, tmp_path)

    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    faults = [line for line in result.stderr.splitlines() if line.startswith("fault: ")]
    assert [fault.split()[1].rstrip(":") for fault in sorted(faults)] == [
        "knee_a.nii.gz", "knee_b.nii.gz", "knee_c.nii.gz", "run.py"
    ]  # fmt: skip
    assert "fault: knee_c.nii.gz: found a link" in result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("refused, found 4 faults, expected none: ")
    # Codabench takes a submission for scored when there is this file, whatever the exit code.
    assert not (tmp_path / "output" / "scores.json").exists()


def test_grand_challenge_answers_with_the_numbers_of_the_board(published: Published, tmp_path: Path) -> None:
    jobs = [job(exam, ONLY_IMAGES) for exam in EXAMS]
    jobs[EXAMS.index("knee_b")]["status"] = "Failed"
    jobs[0]["inputs"][0]["image"]["name"] = "knee_a_0000.nii.gz"
    write_outputs(tmp_path / "input", jobs, published.submission)
    (tmp_path / "output").mkdir()

    with running_app(published, tmp_path) as app:
        assert app.call("GET", "/health") == 200
        assert app.call("GET", "/elsewhere") == 404
        assert app.call("POST", "/invoke") == 201
        metrics = strict_json(tmp_path / "output" / "metrics.json")
        # The same container, a faulty submission.
        (tmp_path / "output" / "metrics.json").unlink()
        (tmp_path / "input" / jobs[0]["pk"] / "output" / "images" / "mask" / "more.mha").write_bytes(b"")
        jobs[1]["inputs"][0]["image"]["name"] = "unknown.mha"
        (tmp_path / "input" / PREDICTIONS_FILE).write_text(json.dumps(jobs))
        assert app.call("POST", "/invoke") == 500
        out, err = app.stop()

    assert set(metrics) == {"results", "aggregates"}
    row, aggregates = published.row, metrics["aggregates"]
    assert aggregates["score"] == row.score
    assert {level: aggregates["levels"][key]["fair"] for level, key in LEVELS.items()} == row[
        list(LEVELS)
    ].to_dict()
    assert [aggregates[name] for name in ("n_defined", "n_undefined", "n_missing")] == [7, 1, 4]
    assert [(result["exam"], result["missing"]) for result in metrics["results"]] == [
        ("knee_a", False), ("knee_b", True), ("knee_c", False)
    ]  # fmt: skip
    for yardstick in ("fair", "usual"):
        expected = published.by_exam(yardstick)
        for result in metrics["results"]:
            for level, key in LEVELS.items():
                found, wanted = result["levels"][key][yardstick], expected.loc[(result["exam"], level)]
                assert found == {
                    "dice": None if np.isnan(wanted.dice) else wanted.dice, "status": wanted.status
                }  # fmt: skip
    assert "exam knee_b: no mask, its job ended as Failed" in out
    assert not (tmp_path / "output" / "metrics.json").exists()
    assert "fault: exam knee_a: images/mask: found mask.mha, more.mha, expected one .mha file" in err
    assert "fault: image unknown.mha: found no test exam of that name" in err
    assert "Traceback" not in err


def unpack_codabench(published: Published, root: Path) -> Path:
    """Lay the bundle out as Codabench's worker does; the program's folder."""
    bundle = root / "bundle"
    with zipfile.ZipFile(published.codabench / BUNDLE) as archive:
        archive.extractall(bundle)
    for name, where in (("scoring_program", root / "program"), ("reference_data", root / "input" / "ref")):
        with zipfile.ZipFile(bundle / f"{name}.zip") as archive:
            archive.extractall(where)
    (root / "output").mkdir()
    return root / "program"


def run_codabench(program: Path, root: Path) -> subprocess.CompletedProcess[str]:
    """Run the command of metadata.yaml, the platform's folders put under `root`."""
    command = (program / "metadata.yaml").read_text().removeprefix("command: ").strip()
    words = [word.replace("/app", str(root)) for word in shlex.split(command)]
    assert words[0] == "python3"
    return subprocess.run(
        [sys.executable, *words[1:]],
        cwd=root / "output", env=alone(root, program), capture_output=True, text=True, check=False,
    )  # fmt: skip


def alone(root: Path, packages: Path) -> dict[str, str]:
    """An environment without this checkout, in which importing torch or nnU-Net ends the program.

    The bundle's copy of bmseg says that it was imported: `COPY` on stdout.
    """
    forbidden = root / "forbidden"
    forbidden.mkdir()
    for name in ("torch", "nnunetv2"):
        (forbidden / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    with (packages / "bmseg" / "__init__.py").open("a") as file:
        file.write(f"\nprint({COPY!r})\n")
    return {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(forbidden), "PYTHONDONTWRITEBYTECODE": "1",
        # As the images set it.
        "PYTHONUNBUFFERED": "1",
    }  # fmt: skip


def strict_json(path: Path) -> Any:
    """JSON as platforms read it: NaN and Infinity are none."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def write_outputs(folder: Path, jobs: list[dict[str, Any]], submission: Path) -> None:
    """predictions.json and what the jobs that succeeded left, as MetaImage files."""
    for exam, one in zip(EXAMS, jobs, strict=True):
        if one["status"] == "Succeeded":
            where = folder / one["pk"] / "output" / one["outputs"][0]["socket"]["relative_path"]
            where.mkdir(parents=True)
            image = sitk.ReadImage(str(submission / f"{exam}.nii.gz"))
            for key in image.GetMetaDataKeys():
                image.EraseMetaData(key)
            sitk.WriteImage(image, str(where / "mask.mha"))
    (folder / PREDICTIONS_FILE).write_text(json.dumps(jobs))


@dataclass
class App:
    """The container's program, running."""

    process: subprocess.Popen[str]
    port: int

    def call(self, method: str, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path)
        status = connection.getresponse().status
        connection.close()
        return status

    def stop(self) -> tuple[str, str]:
        self.process.terminate()
        return self.process.communicate(timeout=600)

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def running_app(published: Published, root: Path) -> App:
    process = subprocess.Popen(
        [sys.executable, str(published.grand_challenge / "app.py")],
        cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=alone(root, published.grand_challenge) | {
            "BMSEG_INPUT": str(root / "input"), "BMSEG_OUTPUT": str(root / "output"),
            "BMSEG_GROUND_TRUTH": str(published.grand_challenge / "ground_truth"), "BMSEG_PORT": "0",
        },
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip() == COPY
    return App(process, int(process.stdout.readline().removeprefix("ready on port ")))
