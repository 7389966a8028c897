"""Code of a page, run as it stands: by a test, and when the site is built, which shows what came out.

The page stays plain Markdown: its ``python`` blocks are the cells, run in one namespace one after another.
"""

from __future__ import annotations

import ast
import base64
import html
import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Of long tables and arrays that is shown, as in a notebook.
_ROWS = 10
#: Raters of the masks that a page finds, and how unsure their hands are.
NOISE = {"anna": 0.2, "ben": 0.25, "carl": 0.3, "nnunet": 0.3, "unet": 0.6}


@dataclass(frozen=True)
class Shown:
    """What a block printed, and what its last line is, if that is an expression."""

    printed: str
    value: Any


def blocks(page: str) -> list[str]:
    """The Python blocks of a page."""
    return BLOCK.findall(page)


def run(page: str, file: Path | str, names: dict[str, Any]) -> Iterator[Shown]:
    """Run every block in one namespace, `names`, which grows; an error names the line of the page."""
    for block in BLOCK.finditer(page):
        before = page[: block.start(1)].count("\n")
        tree = ast.parse("\n" * before + block[1], str(file))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(tree, str(file), "exec"), names)
            value = eval(compile(ast.Expression(last.value), str(file), "eval"), names) if last else None
        yield Shown(out.getvalue(), value)


def with_results(page: str, file: Path | str) -> str:
    """A page whose blocks were run on small synthetic masks: below each stands what came out."""
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd

    plt.switch_backend("agg")
    pd.set_option("display.max_rows", _ROWS)
    np.set_printoptions(threshold=_ROWS)
    pieces, end = [], 0
    with _elsewhere():
        cells = zip(BLOCK.finditer(page), run(page, file, {}), strict=True)
        for number, (block, shown) in enumerate(cells, start=1):
            pieces += [page[end : block.end()], "\n", *_results(shown, f"Result {number}")]
            end = block.end()
            pieces += [_figure(plt.figure(one)) for one in plt.get_fignums()]
            plt.close("all")
    return "".join([*pieces, page[end:]])


@contextmanager
def _elsewhere() -> Iterator[None]:
    """In a folder of its own, with masks in it."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        write_masks(Path(folder))
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


def write_masks(root: Path) -> None:
    """``masks/<rater>/knee_01.nii.gz`` and five more exams: smooth noise, cut at thresholds by five hands."""
    import numpy as np
    from scipy import ndimage

    from dataset_conversion.images import Volume, write_volume

    rng = np.random.default_rng(0)
    for exam in range(1, 7):
        signal = ndimage.gaussian_filter(rng.normal(size=(10, 8, 3)), 1)
        for rater, noise in NOISE.items():
            seen = signal / signal.std() + noise * rng.normal(size=signal.shape)
            mask = np.digitize(seen, [1, 1.5, 2]).astype(np.uint8)
            path = root / "masks" / rater / f"knee_{exam:02}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_volume(path, Volume(mask, np.diag([0.9, 0.9, 3.5, 1])))


def _results(shown: Shown, name: str) -> Iterator[str]:
    if shown.printed:
        yield _raw(f'<pre class="came-out" tabindex="0">{html.escape(shown.printed.rstrip())}</pre>')
    as_html = getattr(shown.value, "_repr_html_", lambda: None)()
    if as_html:
        # A corner of a table is no head of a column.
        as_html = as_html.replace("<th></th>", "<td></td>")
        yield _raw(f'<div class="came-out" tabindex="0" role="region" aria-label="{name}">{as_html}</div>')
    elif shown.value is not None and not hasattr(shown.value, "savefig"):
        yield _raw(f'<pre class="came-out" tabindex="0">{html.escape(repr(shown.value))}</pre>')


def _figure(figure: Any) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    data = base64.b64encode(file.getvalue()).decode()
    text = "Figure that the code above draws, of small synthetic masks"
    return _raw(f'<img class="came-out" alt="{text}" src="data:image/png;base64,{data}">')


def _raw(code: str) -> str:
    # A line of its own may not be empty, nor end the fence.
    return f"\n````````{{raw}} html\n{code}\n````````\n"
