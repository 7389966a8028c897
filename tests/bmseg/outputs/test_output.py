"""Results are put in place whole, under a lock, and nothing stays that followed from earlier ones."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from threading import Event, Thread, Timer

import pytest

from bmseg import __version__
from bmseg.errors import InputError, WorkError
from bmseg.outputs import Output, locked, read_record

INPUTS = {"seed": 1, "masks": "abc"}


def scores(folder: Path) -> Output:
    return Output(folder, "evaluation", followers=("report.html", "costs.*", "figures/overlay_*.svg"))


def fill(
    output: Output, text: str = "exam", inputs: dict[str, object] = INPUTS, name: str = "dice.csv"
) -> None:
    with output.replaced(inputs) as made:
        made.write(name, text)
        made.write("figures/dice.svg", text)
        made.facts["warnings"] = ["look"]


def test_the_record_says_what_was_made_from_what(tmp_path: Path) -> None:
    output = scores(tmp_path / "out")
    assert output.read() == {} and output.made_from(INPUTS) is None
    fill(output)
    record = output.made_from(INPUTS)
    assert record is not None and record["warnings"] == ["look"] and record["seed"] == 1
    assert set(record["outputs"]) == {"dice.csv", "figures/dice.svg"}
    assert record["versions"]["bmseg"] == __version__
    assert output.made_from(INPUTS | {"seed": 2}) is None
    assert Output(tmp_path / "out", "atlas").read() == {}


@pytest.mark.parametrize("change", ["edit", "delete"])
def test_changed_results_are_not_those_of_the_inputs(tmp_path: Path, change: str) -> None:
    output = scores(tmp_path)
    fill(output)
    file = tmp_path / "dice.csv"
    file.write_text("other") if change == "edit" else file.unlink()
    assert output.made_from(INPUTS) is None


def test_what_followed_from_replaced_results_goes_with_them(tmp_path: Path) -> None:
    output = scores(tmp_path)
    fill(output, name="old.csv")
    for name in (
        "report.html",
        "costs.csv",
        "costs.md",
        "figures/overlay_1.svg",
        "mine.txt",
        "figures/mine.svg",
    ):
        (tmp_path / name).write_text("later")
    fill(output, inputs=INPUTS | {"seed": 2})
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("[!.]*") if path.is_file()}
    assert left == {"dice.csv", "figures/dice.svg", "figures/mine.svg", "mine.txt", "provenance.json"}


def test_a_mistake_costs_no_earlier_result(tmp_path: Path) -> None:
    output = scores(tmp_path / "out")
    with pytest.raises(InputError), output.replaced(INPUTS) as made:
        made.write("dice.csv", "half")
        raise InputError("mask: damaged")
    assert not (tmp_path / "out").exists()
    fill(output)
    with pytest.raises(InputError), output.replaced(INPUTS) as made:
        made.write("dice.csv", "half")
        raise InputError("mask: damaged")
    assert output.made_from(INPUTS) and (tmp_path / "out" / "dice.csv").read_text() == "exam"


def test_an_exclusive_folder_holds_nothing_else(tmp_path: Path) -> None:
    atlas = Output(tmp_path / "atlas", "atlas", exclusive=True)
    fill(atlas)
    fill(atlas, inputs={"seed": 2})
    with pytest.raises(InputError, match=r"found files and no provenance.json of a room"):
        fill(Output(tmp_path / "atlas", "room", exclusive=True))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="found a file, expected a folder"):
        fill(Output(tmp_path / "file", "atlas"))


def test_a_damaged_record_is_not_trusted(tmp_path: Path) -> None:
    output = scores(tmp_path)
    fill(output)
    record = tmp_path / "provenance.json"
    record.write_text(record.read_text()[:-10])
    assert output.read() == {} and output.made_from(INPUTS) is None


def test_results_of_another_kind_are_not_written_over(tmp_path: Path) -> None:
    fill(scores(tmp_path))
    with pytest.raises(
        InputError, match=r"found another command's results \(evaluation\), expected a new folder"
    ):
        fill(Output(tmp_path, "table 2"))
    assert scores(tmp_path).made_from(INPUTS)


def test_work_that_grows_goes_on_from_the_same_inputs_only(tmp_path: Path) -> None:
    output = Output(tmp_path, "phantom", record="phantom.json")
    with pytest.raises(RuntimeError), output.resumed(INPUTS):
        raise RuntimeError("killed")
    assert output.made_from(INPUTS) is None and not list(tmp_path.glob("*"))
    with output.resumed(INPUTS):
        pass
    with (
        pytest.raises(InputError, match="phantom: found the workspace made with seed=1, expected seed=2"),
        output.resumed(INPUTS | {"seed": 2}),
    ):
        pass
    assert output.made_from(INPUTS)


def hold(lock: Path, held: multiprocessing.synchronize.Event) -> None:
    with locked(lock, "fold 0"):
        held.set()
        signal.pause()


def test_a_holder_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()
    holder = context.Process(target=hold, args=(tmp_path / ".lock", held))
    holder.start()
    assert held.wait(60)
    with (
        pytest.raises(WorkError, match=rf"fold 0: found process {holder.pid} on .* at work on it"),
        locked(tmp_path / ".lock", "fold 0", wait=False),
    ):
        pass
    assert read_record(tmp_path / ".lock-holder")["process"] == holder.pid
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join()
    with locked(tmp_path / ".lock", "fold 0", wait=False):
        assert read_record(tmp_path / ".lock-holder")["process"] == os.getpid()


def test_who_gives_up_waiting_leaves_the_holder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The holder's half-made files lie in the folder that the other would have cleared."""
    output = scores(tmp_path / "out")

    def give_up(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with output.replaced(INPUTS) as made:
        made.write("dice.csv", "exam")
        with monkeypatch.context() as patch:
            patch.setattr("bmseg.outputs.locks._take", give_up)
            with pytest.raises(KeyboardInterrupt), output.replaced(INPUTS | {"seed": 2}):
                pass
    assert output.made_from(INPUTS) and (tmp_path / "out" / "dice.csv").read_text() == "exam"
    assert capsys.readouterr().err == ""


def test_who_waits_goes_on_where_the_holder_left_nothing(tmp_path: Path) -> None:
    """A folder that holds nothing but its lock goes with its holder, while another waits for that lock."""
    output, begun, failed = scores(tmp_path / "out"), Event(), Event()

    def fail() -> None:
        with pytest.raises(InputError), output.replaced(INPUTS):
            begun.set()
            failed.wait(60)
            raise InputError("mask: damaged")

    holder = Thread(target=fail)
    holder.start()
    assert begun.wait(60)
    waiting = Thread(target=fill, args=(output,))
    waiting.start()
    failed.set()
    holder.join()
    waiting.join()
    assert output.made_from(INPUTS) and not list((tmp_path / "out").glob(".partial*"))


def test_who_waited_looks_again_at_what_is_there(tmp_path: Path) -> None:
    begun, free = Event(), Event()

    def hold() -> None:
        with scores(tmp_path).replaced(INPUTS) as made:
            begun.set()
            free.wait(60)
            made.write("dice.csv", "exam")

    holder = Thread(target=hold)
    holder.start()
    assert begun.wait(60)
    # Nothing is there yet: the first look finds no fault.
    Timer(0.1, free.set).start()
    with pytest.raises(InputError, match=r"found another command's results \(evaluation\)"):
        fill(Output(tmp_path, "table 2"))
    holder.join()
    assert scores(tmp_path).made_from(INPUTS)


def test_work_that_grew_from_other_inputs_meanwhile_is_not_gone_on_with(tmp_path: Path) -> None:
    output, begun, free = Output(tmp_path, "phantom", record="phantom.json"), Event(), Event()

    def hold() -> None:
        with output.resumed(INPUTS):
            begun.set()
            free.wait(60)

    holder = Thread(target=hold)
    holder.start()
    assert begun.wait(60)
    Timer(0.1, free.set).start()
    with pytest.raises(InputError, match="seed=1, expected seed=2"), output.resumed(INPUTS | {"seed": 2}):
        pass
    holder.join()


def test_what_is_made_from_results_is_made_from_those_that_were_read(tmp_path: Path) -> None:
    output = scores(tmp_path)
    fill(output)
    record = output.read()
    with output.kept(record):
        pass
    fill(output, inputs=INPUTS | {"seed": 2})
    with (
        pytest.raises(WorkError, match="found results that were replaced by another process meanwhile"),
        output.kept(record),
    ):
        pass


@pytest.mark.parametrize(
    "name", ["dice.csv", "figures/dice.svg", "figures", "report.html", "provenance.json"]
)
def test_files_of_somebody_else_are_not_written_over(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    with pytest.raises(InputError, match=rf"found {name}, which no earlier evaluation on record wrote"):
        scores(tmp_path).check(["dice.csv", "figures/dice.svg"])
    with pytest.raises(InputError, match="expected nothing that results would overwrite"):
        fill(scores(tmp_path))
    assert file.read_text() == "mine"
    left = {path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith(".lock")}
    assert left == {file}


def test_files_that_people_edit_too_are_left_to_who_writes_them(tmp_path: Path) -> None:
    (tmp_path / "dice.csv").write_text("mine")
    output = Output(tmp_path, "evaluation", edited=("dice.csv",))
    output.check(["dice.csv"])
    fill(output)
    assert (tmp_path / "dice.csv").read_text() == "exam"


def test_results_of_an_unfinished_run_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = scores(tmp_path)
    moves = Path.replace
    with monkeypatch.context() as patch:

        def stop(path: Path, target: Path) -> Path:
            if target == tmp_path / "figures" / "dice.svg":
                raise KeyboardInterrupt
            return moves(path, target)

        patch.setattr(Path, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            fill(output)
    assert (tmp_path / "dice.csv").is_file() and output.made_from(INPUTS) is None
    output.check(["dice.csv", "figures/dice.svg"])
    fill(output)
    assert output.made_from(INPUTS)
