"""Pages that are written from the code: the request, from its schema, the command line, from its own help, the studio's
settings, from their class.

`python docs/generate.py` writes them; `tests/test_docs.py` fails while they are out of date.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from melisma.audio.files import land
from melisma.cli import melisma
from melisma.song import Blueprint, Model, Provenance, Song, SongRequest, Take
from melisma.studio.settings import Settings

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py; edit the code it reads instead. -->\n"
WIDTH = 100

# --- The request ----------------------------------------------------------------------------------------------------

ROOTS: tuple[type[Model], ...] = (SongRequest, Blueprint, Take, Provenance, Song)
Schema = dict[str, Any]


def request_page() -> str:
    """Every field of the central types: what it may hold, what it is if left out, what it means."""
    schemas: dict[str, Schema] = {}
    for root in ROOTS:
        schema = root.model_json_schema(mode="serialization")
        parts = schema.pop("$defs", {})
        schemas |= {root.__name__: schema} | {name: parts[name] for name in order_of(schema, parts)}
    lines = [
        NOTE,
        "# Request and songs",
        "",
        "What is asked, planned, played and kept, as saved in files and sent over HTTP. A field that is left out, or",
        "`null`, means: you choose. Times are seconds (`_s`), tempo is beats per minute, loudness LUFS, true peak dBTP.",
    ]
    for name, schema in schemas.items():
        lines += ["", f"## {name}", "", " ".join(schema.get("description", "").split()), *table_of(schema)]
    return "\n".join(lines) + "\n"


def order_of(schema: Schema, parts: dict[str, Schema]) -> list[str]:
    """Names of the types a schema is made of, each after the first that mentions it."""
    found: list[str] = []
    for name in references(schema):
        for part in (name, *order_of(parts[name], parts)):
            if part not in found:
                found.append(part)
    return found


def references(schema: Any) -> Iterator[str]:
    """Names of the types mentioned anywhere inside."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rsplit("/")[-1]
        schema = [value for key, value in schema.items() if key != "discriminator"]
    if isinstance(schema, list):
        for value in schema:
            yield from references(value)


def table_of(schema: Schema) -> list[str]:
    """One row per field."""
    fields = {name: field for name, field in schema.get("properties", {}).items() if name != "kind"}
    if not fields:
        return []
    rows = ["", "| field | holds | default | meaning |", "|---|---|---|---|"]
    for name, field in fields.items():
        default = "required" if name in schema.get("required", ()) and "default" not in field else default_of(field)
        meaning = field.get("description", "").replace("|", "\\|")
        rows.append(f"| `{name}` | {kind_of(field)} | {default} | {meaning} |")
    return rows


def default_of(field: Schema) -> str:
    """What a field holds if it is left out."""
    value = field.get("default")
    if value is None:
        return "–"
    if isinstance(value, dict):
        return "its own defaults" if "kind" not in value else f"`{value['kind']}`"
    if value in ("", []):
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def kind_of(field: Schema) -> str:
    """What a field may hold, in words; null is left out, for every field that may be null may be left out."""
    variants = [each for each in field.get("anyOf", field.get("oneOf", ())) if each.get("type") != "null"]
    if variants:
        return " or ".join(kind_of(each) for each in variants)
    if "$ref" in field:
        name = field["$ref"].rsplit("/")[-1]
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return "one of " + ", ".join(f"`{each}`" for each in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    match field.get("type"):
        case "array" if "prefixItems" in field:
            return "(" + "; ".join(kind_of(each) for each in field["prefixItems"]) + ")"
        case "array":
            return f"list{range_of(field, 'Items', ' of them')}: {kind_of(field['items'])}"
        case "object":
            return "text → " + kind_of(field["additionalProperties"])
        case "string":
            if "format" in field:
                return {"path": "path", "date-time": "date and time"}[field["format"]]
            return "text" + range_of(field, "Length", " characters")
        case "integer" | "number" as number:
            return {"integer": "whole number", "number": "number"}[number] + range_of(field)
        case "boolean":
            return "true or false"
    raise NotImplementedError(f"no words for {field}")


def range_of(field: Schema, measure: str = "", unit: str = "") -> str:
    """Limits of a number, a length or a count: ", 0–1", ", above 0", ", at most 2000 characters", or nothing."""
    names = (f"min{measure}", f"max{measure}") if measure else ("minimum", "maximum")
    low, high = (field.get(name) for name in names)
    if low is not None and high is not None:
        return f", {plain(low)}–{plain(high)}" + unit if low >= 0 else f", {plain(low)} to {plain(high)}" + unit
    words = [
        word + plain(limit)
        for word, limit in (
            ("at least ", low),
            ("above ", field.get("exclusiveMinimum")),
            ("at most ", high),
            ("below ", field.get("exclusiveMaximum")),
        )
        if limit is not None
    ]
    return "".join(f", {each}" for each in words) + (unit if words else "")


def plain(number: float) -> str:
    """600.0 → 600; powers of two that nobody would recognise stay powers."""
    if number == 2**63:
        return "2⁶³"
    return str(number).removesuffix(".0").replace("-", "−")


# --- The command line -----------------------------------------------------------------------------------------------


def cli_page() -> str:
    """The help of every command."""
    lines = [NOTE, "# Command line", "", *help_of(melisma, "melisma", None, 2)]
    return "\n".join(lines) + "\n"


def help_of(command: click.Command, name: str, parent: click.Context | None, level: int) -> list[str]:
    """A heading and the help text of a command, then those of its own commands."""
    # click remembers the help option that a command was first asked for; whoever asked before must not show here.
    command._help_option = None
    settings = {"info_name": name, "terminal_width": WIDTH, "max_content_width": WIDTH, **command.context_settings}
    context = click.Context(command, parent=parent, **settings)
    help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    lines = [f"{'#' * level} {context.command_path}", "", "```text", help_text, "```", ""]
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            part = command.get_command(context, each)
            assert part is not None
            lines += help_of(part, each, context, level if parent is None else level + 1)
    return lines


# --- The studio's settings ------------------------------------------------------------------------------------------


def settings_page() -> str:
    """Every setting of the studio: flag, environment, file, default."""
    lines = [
        NOTE,
        "# Settings of the studio",
        "",
        "A flag of `melisma studio` wins over the environment, the environment over `studio.toml` in the data folder",
        "(`melisma doctor` tells where that is), the file over the defaults. In the file a setting has its plain name:",
        '`port = 8000`, `hosts = ["music.example.org"]`.',
        "",
        "| setting | flag | environment | holds | default | meaning |",
        "|---|---|---|---|---|---|",
    ]
    schema = Settings.model_json_schema()
    flags = flags_of("studio")
    for name, field in schema["properties"].items():
        flag = f"`{flags[name]}`" if name in flags else "–"
        default = PLACES.get(name) or default_of(field)
        meaning = field.get("description", "").replace("|", "\\|")
        variable = f"`{Settings.model_config['env_prefix']}{name.upper()}`"
        lines.append(f"| `{name}` | {flag} | {variable} | {kind_of(field)} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


# Defaults that depend on the machine.
PLACES = {"data": "`studio` in the data folder"}


def flags_of(command: str) -> dict[str, str]:
    """The flags of a command, by the name of what they set; none where there is no such command."""
    found = melisma.get_command(click.Context(melisma), command)
    return {option.name: option.opts[-1] for option in found.params if option.name} if found else {}


PAGES = {"request.md": request_page, "cli.md": cli_page, "studio-settings.md": settings_page}

if __name__ == "__main__":
    for page, write in PAGES.items():
        land(REFERENCE / page, write().encode())
