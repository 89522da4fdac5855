"""Write the reference of all settings from the JSON Schema that ``slimgate schema`` prints."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

TABLE: Final = "| setting | default | meaning |"
"""The head of the table in docs/configuration.md, which the reference takes the place of."""

_BOUNDS: Final = (
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
)


class Setting(NamedTuple):
    """One setting: its key (``cache.redis.url``), its schema, and whether it is required."""

    key: str
    schema: Mapping[str, Any]
    required: bool


def with_reference(text: str, schema: Mapping[str, Any]) -> str:
    """Return a document with the reference at its end in place of its table of settings.

    Raises:
        ValueError: The document has no such table.
    """
    before, head, rest = text.partition(TABLE)
    if not head:
        raise ValueError(f"no line {TABLE}")
    _, _, after = rest.partition("\n\n")
    pointer = "[All settings](#all-settings), by section, are below.\n\n"
    return f"{before}{pointer}{after}\n## All settings\n\n{reference(schema)}"


def reference(schema: Mapping[str, Any]) -> str:
    """Return a chapter per section of the configuration, each with a table of its settings."""
    sections: dict[str, list[Setting]] = {"top level": []}
    for setting in settings(schema):
        section = setting.key.partition(".")[0].removesuffix("[]")
        name = section if "." in setting.key else "top level"
        sections.setdefault(name, []).append(setting)
    return "\n".join(_section(name, rows) for name, rows in sections.items())


def settings(schema: Mapping[str, Any]) -> tuple[Setting, ...]:
    """Return every setting that holds a value, in the order of the schema."""
    return tuple(_inside(schema, schema["$defs"], ""))


def _inside(schema: Mapping[str, Any], known: Mapping[str, Any], above: str) -> Iterator[Setting]:
    for name, child in schema["properties"].items():
        found, many = _model(child, known)
        key = f"{above}{name}" + ("[]" if many else "")
        if found is not None:
            yield from _inside(found, known, f"{key}.")
        else:
            yield Setting(f"{above}{name}", child, name in schema.get("required", ()))


def _model(
    schema: Mapping[str, Any], known: Mapping[str, Any]
) -> tuple[Mapping[str, Any] | None, bool]:
    """Return the section that a schema refers to, if any, and whether it is a list of such."""
    many = schema.get("type") == "array"
    inner = schema["items"] if many else schema
    for each in (inner, *inner.get("anyOf", ())):
        if "$ref" in each:
            return known[each["$ref"].rpartition("/")[2]], many
    return None, False


def _section(name: str, rows: list[Setting]) -> str:
    title = "Top level" if name == "top level" else f"`{name}`"
    table = [
        f"### {title}\n",
        "| setting | type | default | meaning |",
        "|---|---|---|---|",
        *(_row(each) for each in rows),
        "",
    ]
    return "\n".join(table)


def _row(setting: Setting) -> str:
    default = "required" if setting.required else _value(setting.schema.get("default"))
    if not setting.required and "default" not in setting.schema:
        default = ""  # it follows from other settings, as the meaning says
    meaning = setting.schema["description"].replace("|", "\\|")
    return f"| `{setting.key}` | {kind(setting.schema)} | {default} | {meaning} |"


def kind(schema: Mapping[str, Any]) -> str:
    """Return the type of a value with its bounds, in words."""
    if "anyOf" in schema:
        if [each.get("type") for each in schema["anyOf"]] == ["integer", "string"]:
            return f"{kind(schema['anyOf'][0])}, or a size such as `64MiB`"
        return " or ".join(kind(each) for each in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema["type"] == "array":
        most = f", at most {schema['maxItems']}" if "maxItems" in schema else ""
        return f"list of {kind(schema['items'])}{most}"
    bounds = [form.format(schema[name]) for name, form in _BOUNDS if name in schema]
    return " ".join([_named(schema), ", ".join(bounds)]).strip()


def _named(schema: Mapping[str, Any]) -> str:
    if schema.get("writeOnly"):
        return "secret"
    if "pattern" in schema and schema["type"] == "string":
        return "text"
    names = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return names.get(schema["type"], str(schema["type"]))


def _value(value: object) -> str:
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`[{', '.join(str(each) for each in value)}]`"
    return f"`{value}`" if value != "" else "empty"
