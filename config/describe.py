"""Settings as text for people: the effective configuration, and a reference of every setting."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import yaml
from pydantic import SecretStr

from slimgate.config.base import Frozen
from slimgate.config.document import plain_scalar
from slimgate.config.schema import SettingNode
from slimgate.config.settings import Settings

MASK: Final = "**********"


class Row(NamedTuple):
    """One setting: its key (`policies[].floor.ssim`), its default as written, and its meaning."""

    key: str
    default: str
    meaning: str


def effective(settings: Settings) -> str:
    """Return the configuration with all defaults as YAML; secrets are masked."""
    return yaml.dump(_tree(settings), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def rows() -> tuple[Row, ...]:
    """Return every setting that holds a value, in the order of the configuration."""
    return tuple(_rows(SettingNode(Settings), ""))


def reference() -> str:
    """Return a Markdown table of every setting, its default and its meaning."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    lines += [f"| `{row.key}` | {row.default} | {_cell(row.meaning)} |" for row in rows()]
    return "\n".join(lines) + "\n"


class _Dumper(yaml.SafeDumper):
    """Write YAML 1.1, quoting text that the configuration reader would not read as text."""

    def ignore_aliases(self, data: Any) -> bool:
        # The configuration reader refuses aliases.
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(plain_scalar(text), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _tree(model: Frozen) -> dict[str, Any]:
    node = SettingNode(type(model))
    return {key: _plain(getattr(model, key), node.child(key)) for key in node.keys}


def _plain(value: Any, node: SettingNode | None) -> Any:
    if isinstance(value, Frozen):
        return _tree(value)
    if isinstance(value, tuple):
        return [_plain(item, node.item if node else None) for item in value]
    if isinstance(value, SecretStr):
        return MASK
    unit = node.unit if node else None
    return unit.render(value) if unit else value


def _rows(node: SettingNode, prefix: str) -> Iterator[Row]:
    for name in node.keys:
        child = node.child(name)
        if child is None or child.field is None:
            raise LookupError(f"{prefix}{name} is not a setting")
        key = f"{prefix}{name}"
        if child.model:
            yield from _rows(child, f"{key}.")
        elif child.item and child.item.model:
            yield from _rows(child.item, f"{key}[].")
        else:
            yield Row(key, _default(child), child.field.description or "")


def _default(node: SettingNode) -> str:
    if node.field is None or node.field.is_required():
        return "required"
    default = node.field.get_default(call_default_factory=True, validated_data={})
    text = yaml.dump(
        _plain(default, node), Dumper=_Dumper, default_flow_style=True, width=1000
    ).removesuffix("...\n")
    return f"`{text.strip()}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
