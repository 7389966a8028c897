"""What tests of the site read from it: pages, and JSON against the schema that is shipped."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

#: How the sites of the tests are made, as far as the pages say.
MADE = {"versions": {"bmseg": "0.3.0", "numpy": "2.0"}, "seed": 2022}

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


class Page(HTMLParser):
    """A page taken apart: addresses, element names, attributes, text by element, numbers by cell."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.identifiers: list[str] = []
        self.data: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            self.attributes.append((name, value or ""))
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.identifiers.append(value or "")
            if tag == "data" and name == "value":
                self.data.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "$") -> list[str]:
    """Where a JSON value breaks a schema; knows the keywords that ours uses and refuses others."""
    if "$ref" in schema:
        return faults(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, where)
    known = {
        "$schema", "$defs", "title", "description", "type", "properties", "required", "additionalProperties",
        "items", "enum", "const", "minimum",
    }  # fmt: skip
    assert not set(schema) - known, set(schema) - known
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if "type" in schema:
        names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        fits = any(isinstance(value, _TYPES[name]) for name in names)
        if not fits or (isinstance(value, bool) and "boolean" not in names):
            return [f"{where}: {value!r} is no {' or '.join(names)}"]
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{where}: {value} is below {schema['minimum']}")
    if isinstance(value, dict):
        found += _faults_of_fields(value, schema, root, where)
    if isinstance(value, list) and "items" in schema:
        for place, item in enumerate(value):
            found += faults(item, schema["items"], root, f"{where}[{place}]")
    return found


def _faults_of_fields(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], where: str
) -> list[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    found = [f"{where}: lacks {name}" for name in schema.get("required", []) if name not in value]
    for name, one in value.items():
        if name in properties:
            found += faults(one, properties[name], root, f"{where}.{name}")
        elif others is False:
            found.append(f"{where}: has {name}, which is not described")
        elif isinstance(others, dict):
            found += faults(one, others, root, f"{where}.{name}")
    return found


def pages(site: Path) -> list[Page]:
    return [Page(path) for path in sorted(site.rglob("*.html"))]
