"""While another process is at work on a folder, no command that writes touches anything in it.

Every command is here, by click's own list: one that is new and not here fails the first test.
"""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from filelock import FileLock, Timeout

from bmseg.commands.cli import cli
from bmseg.workspace import Workspace
from tests.bmseg.commands.everything import make_everything, pretend_trained
from tests.support.command_line import bmseg
from tests.support.files import bytes_of
from tests.support.holder import Holder

BOARD = "ws/leaderboard/.lock"
_READERS = " ".join(f"--reader={name}={{root}}/masks/{name}" for name in ("reader1", "reader2"))
_BUNDLE = "-w {ws} -o {root}/bundle"

#: Command to its words, and the lock of what it writes, below the folder of everything.
WRITES = {
    "phantom": ("-w {ws} --training 1", "ws/.stages/.lock-phantom"),
    "convert nifti": ("-w {root}/fresh --table {root}/table.csv", "fresh/nnUNet_raw/.lock"),
    "convert dicom": ("{root}/export -w {root}/fresh", "fresh/nnUNet_raw/.lock"),
    "region": (
        "{root}/epiphyses -o {root}/regions --bone 'right femur' --bone 'right tibia'",
        "regions/.lock",
    ),
    "plan": ("-w {ws}", "ws/nnUNet_preprocessed/{dataset}/.lock"),
    "train": ("-w {ws} --profile quick", "ws/nnUNet_results/{dataset}/{model}/.fold_0.lock"),
    "curves": ("-w {ws}", "ws/training/.lock"),
    "jobs": ("-w {ws} --cancel", "ws/.stages/jobs/.lock"),
    "predict": ("nnunet -w {ws} --profile quick", "ws/predictions/nnunet/.lock"),
    "predict --model": ("{root}/images --model {root}/m.zip -o {root}/predicted", "predicted/.lock"),
    "ensemble": ("nnunet unet -w {ws}", "ws/predictions/ensemble/.lock"),
    "evaluate": (f"{_READERS} --study {{root}}/small.toml -o {{root}}/scored", "scored/.lock"),
    "evaluate -w": ("-w {ws} --unit knee", "ws/evaluation/.lock"),
    "compare": ("-w {ws}", "ws/evaluation/.lock"),
    "report": ("-w {ws}", "ws/evaluation/.lock"),
    "design": ("--sd 0.05 --half-width 0.05 --studies 100 -o {root}/planned", "planned/.lock"),
    "leaderboard init": ("-w {ws} --board {root}/board", "board/.lock"),
    "leaderboard add": ("beta {root}/sent -w {ws}", BOARD),
    "leaderboard withdraw": ("alpha -w {ws}", BOARD),
    "leaderboard reinstate": ("alpha -w {ws}", BOARD),
    "leaderboard simulate": ("-w {ws}", BOARD),
    "leaderboard build": ("-w {ws}", BOARD),
    "leaderboard bundle codabench": (f"{_BUNDLE} --docker-image a/b:1 --start 2026-01-01", "bundle/.lock"),
    "leaderboard bundle grand-challenge": (_BUNDLE, "bundle/.lock"),
    "rank": ("{root}/matrix.csv -o {root}/ranked --bootstraps 0", "ranked/.lock"),
    "annotate start": ("-w {ws}", "ws/annotation/.lock"),
    "annotate propose": ("-w {ws}", "ws/annotation/.lock"),
    "annotate accept": ("-w {ws}", "ws/annotation/.lock"),
    "annotate simulate": ("-w {ws}", "ws/annotation/.lock"),
    "atlas": ("-w {ws} --knees 2", "ws/atlas/.lock"),
    "reading-room build": ("-w {ws} --seed 7", "ws/reading_room/.lock"),
    "reading-room unblind": (
        "{root}/room/key.json {root}/scores.json --unfinished -o {root}/unblinded",
        "unblinded/.lock",
    ),
    "vas": ("{table2} -o {root}/table2", "table2/.lock"),
}

#: Of the same form: who writes one file, or two, each whole. Nobody is named: it takes no time.
WRITES_A_FILE = {
    "study new": (f"{_READERS} -o {{root}}/new.toml", ".lock-new.toml"),
    "inspect dicom": ("{root}/export --keys {root}/new.keys.csv", ".lock-new.keys.csv"),
    "inspect dicom -o": ("{root}/export -o {root}/volumes.csv", ".lock-volumes.csv"),
    "export": ("nnunet {root}/model.zip -w {ws} --profile quick", ".lock-model.zip"),
    "annotate status": ("-w {ws}", "ws/annotation/.lock-rounds.csv"),
}

READS = {
    "methods": "",
    "env": "-w {ws}",
    "status": "-w {ws}",
    "leaderboard list": "-w {ws}",
    "leaderboard verify": "-w {ws}",
    "submission check": "{root}/sent --contract {ws}/leaderboard",
}


def commands(found: click.Command = cli, *path: str) -> Iterator[str]:
    if isinstance(found, click.Group):
        for name, inner in found.commands.items():
            yield from commands(inner, *path, name)
    else:
        yield " ".join(path)


def test_every_command_is_here() -> None:
    known = {name.partition(" -")[0] for name in (*WRITES, *WRITES_A_FILE)}
    assert known | READS.keys() == set(commands())
    assert not known & READS.keys()


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_everything(tmp_path_factory.mktemp("everything"))


@pytest.fixture(scope="module")
def holder() -> Iterator[Holder]:
    holder = Holder()
    yield holder
    holder.end()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever would wait for a lock is stopped by Ctrl-C instead."""
    acquire = FileLock.acquire

    def acquired(self: FileLock, *_: Any, blocking: bool | None = None, **__: Any) -> Any:
        try:
            return acquire(self, blocking=False)
        except Timeout:
            if blocking is False:
                raise
            raise KeyboardInterrupt from None

    monkeypatch.setattr(FileLock, "acquire", acquired)


def filled(text: str, workspace: Workspace) -> str:
    from bmseg.nnunet import Training
    from bmseg.study import DEFAULT_STUDY

    model = Training.named("nnunet", "quick").fold_folder(workspace, 0).parent.name
    return text.format(
        root=workspace.root.parent, ws=workspace.root, dataset=workspace.dataset_folder, model=model,
        table2=DEFAULT_STUDY.parent / "table2_vas.csv",
    )  # fmt: skip


def without_locks(root: Path) -> dict[str, bytes]:
    return {name: found for name, found in bytes_of(root).items() if "/.lock" not in f"/{name}"}


def run(command: str, words: str, workspace: Workspace) -> Any:
    return bmseg(*command.partition(" -")[0].split(), *shlex.split(filled(words, workspace)))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("command", [*WRITES, *WRITES_A_FILE])
def test_what_another_process_is_at_work_on_is_left_alone(
    command: str, everything: Workspace, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, place = (WRITES | WRITES_A_FILE)[command]
    root = everything.root.parent
    if command.split()[0] in ("train", "predict", "ensemble", "export"):
        pretend_trained(monkeypatch, everything)
    lock = root / filled(place, everything)
    half = lock.parent / ".partial" / "half.txt"
    before = without_locks(root)
    with holder.holding(lock):
        half.parent.mkdir()
        half.write_text("what the holder has made so far")
        held = bytes_of(root)
        result = run(command, words, everything)
        assert bytes_of(root) == held
        half.unlink()
        half.parent.rmdir()
    assert without_locks(root) == before
    named = f"process {holder.pid} on {platform.node()} (since 20"
    told = [line for line in result.stderr.splitlines() if line and not line.startswith("warning")]
    if command in WRITES_A_FILE:
        assert result.returncode == 130, result.stderr
    elif result.returncode == 1:
        assert "at work on it, expected nobody" in told[-1] and named in told[-1]
    else:
        assert result.returncode == 130, result.stderr
        assert [line for line in told if "waiting for" in line and named in line] == told[-2:-1]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", READS)
def test_what_only_reads_writes_nothing(
    command: str, everything: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bmseg.leaderboard.verify_site.draw_figures", lambda *_: None)
    root = everything.root.parent
    before = bytes_of(root)
    result = run(command, READS[command], everything)
    assert result.returncode == 0 or command == "leaderboard verify", result.stderr
    assert bytes_of(root) == before and not os.path.lexists(root / ".lock")
