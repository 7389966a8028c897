"""The frame of a page: its style, and the bar with the links to the other pages of its workspace.

A page is one file that opens from disk and asks nothing of a network. Which other pages there are changes
after it was written: it holds links to all of them, hidden, and ``pages.js`` in the workspace's folder,
written anew whenever a page is made, shows those that are there. A page that was sent alone shows none.
The board's pages are published by themselves and hold no link: from disk, they let that script make a bar.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bmseg.outputs.locks import locked
from bmseg.pages.glossary import Glossed
from bmseg.workspace import Workspace
from dataset_conversion.files import write_text

_FOLDER = "templates/pages"


@dataclass(frozen=True)
class Link:
    """A place in the bar: title, address relative to the page, whether it is the page itself."""

    title: str
    address: str
    here: bool


def links(page: Path, workspace: Workspace | None) -> list[Link]:
    """The bar of a page that lies (or will lie) at `page`: all pages of its workspace, made or not."""
    pages = workspace.pages if workspace else {}
    return [
        Link(title, _relative(path, page), path.resolve() == page.resolve()) for title, path in pages.items()
    ]


def _relative(path: Path, page: Path) -> str:
    return Path(os.path.relpath(path.resolve(), page.parent.resolve())).as_posix()


def frame(page: Path, workspace: Workspace | None, *, synthetic: bool, script: str = "") -> dict[str, Any]:
    """What ``base.html.j2`` wants to be told of a page, beside its own content.

    `script` is the page's own script, which its policy then names by its hash.
    """
    hashes = [f"'sha256-{_hash(script)}'"] if script else []
    return {
        "bar": links(page, workspace),
        "page_list": _relative(workspace.page_list, page) if workspace else None,
        "synthetic": synthetic,
        "script": Markup(script),  # ours, and named by its hash
        "script_sources": " ".join(["'self'", *hashes]),
    }


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def write_page_list(workspace: Workspace) -> None:
    """Write ``pages.js`` anew: the pages that a workspace has at present."""
    if not workspace.root.is_dir():
        return
    with locked(workspace.root / ".pages.lock", f"list of pages in {workspace.root}"):
        there = {
            title: _relative(path, workspace.page_list)
            for title, path in workspace.pages.items()
            if path.is_file()
        }
        write_text(workspace.page_list, _SHOW.replace("THERE", json.dumps(there)))


_SHOW = """\
// Written by bmseg: the pages that this workspace has.
{
  const there = THERE;
  for (const link of document.querySelectorAll("[data-page]")) link.hidden = !(link.dataset.page in there);
  for (const bar of document.querySelectorAll("nav.bar")) bar.hidden = false;
  if (!document.querySelector("nav.bar")) {
    // The board's, which hold no link to what is not published with them.
    const bar = document.createElement("nav");
    const list = document.createElement("ul");
    bar.className = "bar";
    bar.ariaLabel = "Pages";
    bar.append(list);
    for (const [title, address] of Object.entries(there)) {
      const link = document.createElement("a");
      link.href = new URL(address, document.currentScript.src).href;
      if (link.pathname === location.pathname) link.ariaCurrent = "page";
      link.append(title);
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
    }
    document.querySelector("header, main").before(bar);
  }
}
"""


@cache
def environment() -> Environment:
    """The one environment of templates of our own pages; everything in them is escaped.

    A page that explains its words makes one ``Glossed()`` and puts its texts through that.
    """
    made = templates(_FOLDER)
    made.globals["Glossed"] = Glossed
    return made


def templates(folder: str) -> Environment:
    """Templates of pages in a folder of the package: all is escaped, a missing name is an error."""
    return Environment(
        loader=PackageLoader("bmseg", folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
