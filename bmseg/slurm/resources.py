"""What a job asks Slurm for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bmseg.errors import InputError

#: sbatch's options that bmseg gives itself.
RESERVED = {
    "account", "array", "cpus-per-task", "dependency", "error", "gpus-per-node", "job-name",
    "kill-on-invalid-dep", "mem", "no-requeue", "nodes", "ntasks", "ntasks-per-node", "open-mode", "output",
    "parsable", "partition", "requeue", "signal", "time", "wait", "wrap",
}  # fmt: skip

_TIME = re.compile(r"(?:(?P<days>\d+)-(?P<rest>\d+(?::\d+){0,2})|(?P<plain>\d+(?::\d+){0,2}))")


@dataclass(frozen=True)
class Resources:
    """What each job asks for.

    Parameters
    ----------
    minutes : int
        Time limit. A training that reaches it goes on in a new run of the same job.
    gpus : int
        GPUs a job; 0 asks for none.
    cpus : int
        CPU cores a job.
    memory, partition, account : str or None
        As sbatch takes them; None leaves the cluster's own.
    others : mapping of str to str or True
        Further options of sbatch by their long names; True for one without a value.
    """

    minutes: int
    gpus: int
    cpus: int
    memory: str | None = None
    partition: str | None = None
    account: str | None = None
    others: Mapping[str, str | bool] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """As submitit's Slurm executor takes them."""
        asked: dict[str, Any] = {
            "time": self.minutes,
            "cpus_per_task": self.cpus,
            "mem": self.memory,
            "partition": self.partition,
            "account": self.account,
            "additional_parameters": dict(self.others),
        }
        if self.gpus:
            asked["gpus_per_node"] = self.gpus
        return {name: value for name, value in asked.items() if value is not None}


def minutes_of(time: str) -> int:
    """A time limit in whole minutes, from Slurm's ways to write one.

    Parameters
    ----------
    time : str
        ``minutes``, ``minutes:seconds``, ``hours:minutes:seconds``, ``days-hours``, ``days-hours:minutes``
        or ``days-hours:minutes:seconds``. Seconds are rounded up to a minute.

    Raises
    ------
    InputError
        When it is none of these, or 0.

    Examples
    --------
    >>> minutes_of("24:00:00"), minutes_of("1-12"), minutes_of("90"), minutes_of("0:30")
    (1440, 2160, 90, 1)
    """
    found = _TIME.fullmatch(time)
    seconds = 0
    if found and found["days"]:
        hours, minutes, rest = ([int(part) for part in found["rest"].split(":")] + [0, 0])[:3]
        seconds = ((int(found["days"]) * 24 + hours) * 60 + minutes) * 60 + rest
    elif found:
        parts = [int(part) for part in found["plain"].split(":")]
        hours, minutes, rest = {1: [0, *parts, 0], 2: [0, *parts], 3: parts}[len(parts)]
        seconds = (hours * 60 + minutes) * 60 + rest
    if not seconds:
        raise InputError(
            f"--time: found '{time}', expected a time limit such as 24:00:00, 90 (minutes) or 2-12"
        )
    return -(-seconds // 60)


def sbatch_options(given: tuple[str, ...]) -> dict[str, str | bool]:
    """Further options of sbatch, given as ``KEY=VALUE``, or as ``KEY`` where it takes no value.

    Raises
    ------
    InputError
        When a key is missing, given twice, or one that bmseg gives itself.

    Examples
    --------
    >>> sbatch_options(("qos=high", "exclusive"))
    {'qos': 'high', 'exclusive': True}
    """
    options: dict[str, str | bool] = {}
    for one in given:
        key, equals, value = one.partition("=")
        key = key.strip().lstrip("-").replace("_", "-")
        if not key or (equals and not value):
            raise InputError(f"--sbatch: found '{one}', expected KEY=VALUE, as qos=high")
        if key in RESERVED:
            raise InputError(
                f"--sbatch: found '{key}', which bmseg gives itself, expected another option of sbatch"
            )
        if key in options:
            raise InputError(f"--sbatch: found {key} twice, expected once")
        options[key] = value if equals else True
    return options
