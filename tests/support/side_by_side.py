"""Run files of tests side by side: ``pytest --jobs 3``.

The processes are forked once everything is collected and imported. Started anew, as pytest-xdist starts
them, each would import torch, nnU-Net and all tests for itself: 15 CPU seconds and more of each. To fork is
safe as nothing has computed yet: there are no threads but this one.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest

CONTEXT = multiprocessing.get_context("fork")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--jobs", type=int, default=1, metavar="N", help="Processes that run tests.")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Instead of pytest's own loop where there are several processes."""
    options = session.config.option
    files = files_of(session.items)
    jobs = min(options.jobs, len(files))
    if jobs < 2 or options.collectonly or session.testsfailed:
        return None
    assert threading.active_count() == 1
    base = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    places, queue = os.pipe()
    # Four bytes a file: whoever is free reads the next.
    os.write(queue, b"".join(place.to_bytes(4, "big") for place in range(len(files))))
    running: dict[Connection, Any] = {}
    for number in range(jobs):
        told, tell = CONTEXT.Pipe(duplex=False)
        (base / f"job{number}").mkdir()
        work = CONTEXT.Process(target=_work, args=(session, files, (places, queue), tell, number))
        work.start()
        tell.close()
        running[told] = work
    os.close(queue)
    os.close(places)
    try:
        _listen(session, running)
    finally:
        for work in running.values():
            work.terminate()
            work.join()
    return True


def files_of(items: list[pytest.Item]) -> list[list[pytest.Item]]:
    """Tests by file, in their order: what a file shares is made once."""
    files: dict[Any, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    return [*files.values()]


def _listen(session: pytest.Session, running: dict[Connection, Any]) -> None:
    """Hand on what the processes tell until all have ended."""
    hook = session.config.hook
    at: dict[Connection, Any] = {}
    while running:
        for told in wait([*running]):
            assert isinstance(told, Connection)
            try:
                what, given = told.recv()
            except EOFError:
                work = running.pop(told)
                work.join()
                if work.exitcode:
                    hook.pytest_runtest_logreport(report=_died(at[told], work.exitcode))
                continue
            if what == "start":
                at[told] = given
            elif what == "warning":
                hook.pytest_warning_recorded.call_historic(kwargs=given)
            else:
                report = hook.pytest_report_from_serializable(config=session.config, data=given)
                hook.pytest_runtest_logreport(report=report)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)


def _died(at: tuple[str, Any], code: int) -> pytest.TestReport:
    said = f"the process that ran it ended with {code}; what it was to run after it in this file was not run"
    return pytest.TestReport(at[0], at[1], {}, "failed", said, "call")


def _work(
    session: pytest.Session,
    files: list[list[pytest.Item]],
    pipe: tuple[int, int],
    tell: Connection,
    number: int,
) -> None:
    """Run one file after another; what happens is told, not printed."""
    places, queue = pipe
    os.close(queue)
    config = session.config
    # What it prints is kept apart from what others print, and so are its files.
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    factory = config._tmp_path_factory  # type: ignore[attr-defined]
    factory._basetemp = factory.getbasetemp() / f"job{number}"
    os.environ["TESTS_JOB"] = str(number)
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(_Teller(config, tell))
    items = _taken(files, places)
    item = next(items, None)
    while item:
        following = next(items, None)
        tell.send(("start", (item.nodeid, item.location)))
        config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        item = following
    capture.stop_global_capturing()


def _taken(files: list[list[pytest.Item]], places: int) -> Iterator[pytest.Item]:
    while place := os.read(places, 4):
        yield from files[int.from_bytes(place, "big")]


class _Teller:
    """Tells the first process of reports and warnings."""

    def __init__(self, config: pytest.Config, tell: Connection) -> None:
        self.config, self.tell = config, tell

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.tell.send(("report", data))

    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str, location: Any) -> None:
        # A warning's own line of source cannot be sent.
        warning_message.source = None
        given = {"warning_message": warning_message, "when": when, "nodeid": nodeid, "location": location}
        self.tell.send(("warning", given))
