"""What a page must be for everybody: nothing that axe finds, nothing cut off at any width."""

from __future__ import annotations

from typing import Any

#: Narrow phone, tablet, desk.
WIDTHS = (360, 768, 1600)


def axe_findings(page: Any) -> list[str]:
    """What axe-core has against a page, of any impact: rule and the first place."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"preload": False, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['target']}" for one in found]


def overflowing(page: Any) -> list[str]:
    """Elements that reach out of the window and of every box that scrolls or cuts off on purpose."""
    return list(page.evaluate(_OVERFLOWING))


_OVERFLOWING = """() => {
  const wide = document.documentElement.clientWidth, found = [];
  const boxed = (one) => {
    for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== "visible") return true;
    return false;
  };
  for (const one of document.body.querySelectorAll("*")) {
    const box = one.getBoundingClientRect();
    if (box.width && box.right > wide + 1 && box.left > -wide && !boxed(one))
      found.push(`${one.tagName} ${one.className} ${one.id} to ${Math.round(box.right)} of ${wide}`);
  }
  return found;
}"""
