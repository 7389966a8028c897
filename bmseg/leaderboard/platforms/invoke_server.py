"""Answer grand-challenge's two calls: is the container ready, and evaluate.

Relied on: ``app.py.template`` and ``Dockerfile.template`` of grand-challenge's evaluation template (see
`bmseg.leaderboard.platforms.predictions`): ``GET /health`` answers 200, ``POST /invoke`` evaluates and
answers 201, anything else is a failure; port 4743; the image's label
``org.grand-challenge.api-method="invoke"`` chooses this way over one run of the program. The template's web
framework is not needed for two calls.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: The platform's.
PORT = 4743


def serve(evaluate: Callable[[], int]) -> None:
    """Answer calls until the platform stops the container.

    Parameters
    ----------
    evaluate : callable
        Returns the exit code that the program would have; only 0 is answered by 201.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(HTTPStatus.OK if self.path == "/health" else HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:
            if self.path != "/invoke":
                self._answer(HTTPStatus.NOT_FOUND)
                return
            try:
                code = evaluate()
            except Exception:
                # The container must answer; the log says why.
                traceback.print_exc()
                code = 1
            self._answer(HTTPStatus.CREATED if code == 0 else HTTPStatus.INTERNAL_SERVER_ERROR)

        def _answer(self, status: HTTPStatus) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    # The platform calls from outside the container, so every address of it is answered.
    with ThreadingHTTPServer(("", int(os.environ.get("BMSEG_PORT", PORT))), Handler) as server:
        print(f"ready on port {server.server_port}", flush=True)
        server.serve_forever()
