"""Threads where nnU-Net starts processes, which would import it anew each time."""

from __future__ import annotations

from multiprocessing.pool import ThreadPool


class Threads:
    """Stands for `multiprocessing` in nnU-Net."""

    @staticmethod
    def get_context(method: str) -> type[Threads]:  # noqa: ARG004
        return Threads

    Pool = staticmethod(ThreadPool)
