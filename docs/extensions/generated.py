"""Parts of pages that are taken from the code, as Markdown: commands, keys of a study file, Python names.

A page has ``<!-- generated: commands Data -->`` where such a part goes; on GitHub nothing is seen there.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

MARK = re.compile(r"^<!-- generated: (\w+)(?: (.*?))? -->$", re.MULTILINE)


def filled(page: str) -> str:
    """A page with its generated parts in their places; a ValueError for one that nobody makes."""
    parts = {"commands": commands, "study_file": study_file, "python": python_names}

    def part(found: re.Match[str]) -> str:
        if found[1] not in parts:
            raise ValueError(f"generated: found {found[1]}, expected one of {', '.join(parts)}")
        return parts[found[1]](*(found[2] or "").split())

    return MARK.sub(part, page)


def commands(heading: str) -> str:
    """The commands below a heading of ``bmseg --help``: usage, what they do, their options."""
    from bmseg.commands.cli import cli

    of = {name: each for name, _, each in cli.sections}  # type: ignore[attr-defined]
    context = click.Context(cli, info_name="bmseg")
    return "\n".join(text for command in of[heading] for text in _command(command, context))


def _command(command: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=command.name, parent=parent)
    level = "#" * context.command_path.count(" ")
    yield f"#{level} {context.command_path}\n"
    yield "```text\n" + " ".join([context.command_path, *command.collect_usage_pieces(context)]) + "\n```\n"
    help_text = inspect.cleandoc(command.help or "").partition("\f")[0]
    # A line of a backspace tells click to leave what follows as it is.
    yield plain(help_text.replace("\b\n", "")) + "\n"
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [(name, text) for record in records if record for name, text in [record]]
    if rows:
        lines = [f"| {_code(name)} | {plain(' '.join(text.split()))} |" for name, text in rows]
        yield "\n".join(["| option | meaning |", "| --- | --- |", *lines]) + "\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _command(command.commands[name], context)


def study_file() -> str:
    """Every key of a study file: a heading a table of the file, a row a key."""
    from bmseg.study import Study

    schema = Study.model_json_schema(by_alias=True)
    return "\n".join(_section("", schema, schema["$defs"]))


def study_keys() -> list[str]:
    """All keys of a study file, as ``levels.name``; of tables too."""
    rows = re.findall(r"<!-- key: (\S+) -->", study_file())
    parts = [key.split(".") for key in rows]
    return list(dict.fromkeys(".".join(key[:n]) for key in parts for n in range(1, len(key) + 1)))


def _section(
    place: str, schema: dict[str, Any], models: dict[str, Any], *, many: bool = False
) -> Iterator[str]:
    """A table of the file with its keys, then the tables in it."""
    from bmseg.study.meanings import MEANINGS

    if place:
        name = f"[[{place}]]" if many else f"[{place}]"
        again = " Repeat it for each." if many else ""
        yield f"<!-- key: {place} -->\n\n## `{name}`\n\n{_sentence(MEANINGS.get(place, ''))}{again}\n"
    rows, within = [], []
    for key, field in schema["properties"].items():
        path = f"{place}.{key}" if place else key
        model, repeated = _model(field)
        if model and not (place and not repeated):
            within.append((path, models[model], repeated))
        elif model:
            rows += list(_rows(path, models[model], place, models))
        else:
            rows += [_row(path, field, key in schema.get("required", []), place)]
    yield ("\n".join(["| key | what it is | default | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n")
    for path, model_schema, repeated in within:
        yield from _section(path, model_schema, models, many=repeated)


def _rows(path: str, schema: dict[str, Any], place: str, models: dict[str, Any]) -> Iterator[str]:
    """Rows of a table that is written inline, as ``dicom.contrast``."""
    for key, field in schema["properties"].items():
        model, _ = _model(field)
        if model:
            yield from _rows(f"{path}.{key}", models[model], place, models)
        else:
            yield _row(f"{path}.{key}", field, key in schema.get("required", []), place)


def _row(path: str, field: dict[str, Any], required: bool, place: str) -> str:
    from bmseg.study.meanings import MEANINGS

    shown = path.removeprefix(f"{place}.") if place else path
    default = "required" if required else _default(field.get("default"))
    meaning = plain(MEANINGS.get(path, ""))
    return f"| `{shown}` | {_kind(field)} | {default} | {meaning}<!-- key: {path} --> |"


def _model(field: dict[str, Any]) -> tuple[str, bool]:
    """Name of the table that a field is, and whether it comes several times."""
    for each in [field, *field.get("allOf", []), *field.get("anyOf", [])]:
        if "$ref" in each:
            return each["$ref"].rpartition("/")[2], False
    items = field.get("items", {})
    return (items["$ref"].rpartition("/")[2], True) if "$ref" in items else ("", False)


def _kind(field: dict[str, Any]) -> str:
    """The type of a value, in words."""
    if "anyOf" in field:
        return " or ".join(_kind(each) for each in field["anyOf"] if each.get("type") != "null")
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field["type"] == "array":
        bounds = _bounds(field, "minItems", "maxItems")
        return f"list of {_kind(field['items'])}{bounds}".replace("whole number", "whole numbers")
    if field["type"] == "string":
        return "colour as `#4477aa`" if "#" in field.get("pattern", "") else "text"
    bounds = _bounds(field, "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    return ("whole number" if field["type"] == "integer" else "number") + bounds


def _bounds(field: dict[str, Any], *names: str) -> str:
    words = {"minimum": "from", "maximum": "to", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}
    words |= {"minItems": "at least", "maxItems": "at most"}
    said = [f"{words[name]} {field[name]:g}" for name in names if name in field]
    return f", {' '.join(said)}" if said else ""


def _default(value: Any) -> str:
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, list):
        return "; ".join(f"*{plain(str(each))}*" for each in value)
    return f"`{value}`"


def python_names(*names: str) -> str:
    """What autodoc says of names of ``evaluation``; ``figures`` is all that its module gives."""
    found: list[str] = []
    for name in names:
        owner, _, last = f"evaluation.{name}".rpartition(".")
        thing = getattr(importlib.import_module(owner), last)
        if inspect.ismodule(thing):
            found += [f"{name}.{each}" for each in thing.__all__]
        else:
            found += [name]
    return "\n".join(_documented(name) for name in found)


def _documented(name: str) -> str:
    owner, _, last = f"evaluation.{name}".rpartition(".")
    thing = getattr(importlib.import_module(owner), last)
    kind = "autofunction" if inspect.isfunction(thing) else "autoclass"
    kind = "autoexception" if inspect.isclass(thing) and issubclass(thing, Exception) else kind
    members = "\n   :members:" if kind == "autoclass" else ""
    return f"### {name}\n\n```{{eval-rst}}\n.. {kind}:: evaluation.{name}{members}\n```\n"


def plain(text: str) -> str:
    """Text of a program as Markdown that shows it as it stands."""
    return re.sub(r"([\\`*_<>\[\]|{}$~#])", r"\\\1", text)


def _code(text: str) -> str:
    return "`" + text.replace("|", r"\|") + "`"


def _sentence(text: str) -> str:
    first = text[:1] if text.startswith("nnU-Net") else text[:1].upper()
    return f"{first}{plain(text[1:])}." if text else ""
