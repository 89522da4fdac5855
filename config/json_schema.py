"""The configuration as JSON Schema, for editors."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from slimgate.config.settings import Settings

_ID: Final = "urn:slimgate:configuration"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the configuration.

    Secrets are not required, since they often come from the environment. What several settings must
    agree on is not part of it: `slimgate check` finds that.
    """
    schema = Settings.model_json_schema(schema_generator=_Generator)
    groups: dict[str, dict[str, Any]] = schema.pop("$defs")
    schema["description"] = "The configuration of a slimgate gateway."
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": _ID,
        "title": "slimgate",
        **_group(schema),
        "$defs": {name: _group(group) for name, group in groups.items()},
    }


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False: titles would repeat the names of settings."""
        del schema
        return False


def _group(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a group as editors should use it."""
    properties = {name: _setting(each) for name, each in schema["properties"].items()}
    required = [name for name in schema.get("required", ()) if not _is_secret(properties[name])]
    kept = {name: each for name, each in schema.items() if name not in {"title", "required"}}
    return {**kept, "properties": properties, **({"required": required} if required else {})}


def _setting(schema: Mapping[str, Any]) -> dict[str, Any]:
    # Each setting of a group has a default of its own.
    dropped = {"default"} if isinstance(schema.get("default"), dict) else set()
    return {name: each for name, each in schema.items() if name not in dropped}


def _is_secret(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("writeOnly"))
