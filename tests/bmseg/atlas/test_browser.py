"""The atlas in a browser, opened from disk: no fault, no request, all pictures, at two widths and schemes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")


def test_opens_from_disk_and_is_accessible(made: tuple[Path, str], browser: Any) -> None:
    faults: list[str] = []
    address = (made[0] / "atlas.html").as_uri()
    for width, scheme in ((360, "dark"), (1600, "light")):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda request: (
                faults.append(request.url) if not request.url.startswith((address, "data:")) else None
            ),
        )
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        broken = "Array.from(document.images).filter((image) => !image.naturalWidth).length"
        assert page.evaluate(broken) == 0
        # The policy let the style through, and a mask lies exactly on its image.
        both = page.locator(".pic:has(img + img)").first
        image, mask = (both.locator("img").nth(place).bounding_box() for place in (0, 1))
        assert image == mask
        before = image["width"]
        page.get_by_label("large").check()
        grown = both.locator("img").first.bounding_box()["width"]
        assert grown > 2 * before if width == 1600 else grown >= before
        if scheme == "light":
            continue
        violations = (
            axe_api.Axe()
            .run(page, options={"preload": False, "resultTypes": ["violations"]})
            .response["violations"]
        )
        assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
    assert faults == []
