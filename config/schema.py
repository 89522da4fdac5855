"""The tree of settings, derived from the models.

Environment variables, suggestions and the settings reference all use it, so a new field needs no
second entry.
"""

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from slimgate.config.base import Frozen
from slimgate.config.problems import Path
from slimgate.config.settings import Settings
from slimgate.config.units import Unit


@dataclass(frozen=True, slots=True)
class SettingNode:
    """A node of the tree.

    Attributes:
        annotation: type without null and validators.
        field: model field; None for the root and for list items.
    """

    annotation: Any
    field: FieldInfo | None = None

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """Return the node at a path from the root, or None."""
        node: Self | None = cls(Settings)
        for step in path:
            node = node and node.child(step)
        return node

    @property
    def model(self) -> type[Frozen] | None:
        """Return the model of a group of settings; None for a list or value."""
        is_model = isinstance(self.annotation, type) and issubclass(self.annotation, Frozen)
        return self.annotation if is_model else None

    @property
    def item(self) -> Self | None:
        """Return the node of list items; None for anything else."""
        if get_origin(self.annotation) is not tuple:
            return None
        return type(self)(_bare(get_args(self.annotation)[0]))

    @property
    def is_text(self) -> bool:
        """Return whether the value is free text, secret or not."""
        return self.annotation in {str, SecretStr}

    @property
    def unit(self) -> Unit | None:
        """Return the unit of the value, if any."""
        metadata = self.field.metadata if self.field else []
        return next((entry for entry in metadata if isinstance(entry, Unit)), None)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of a group of settings; empty for anything else."""
        return tuple(self.model.model_fields) if self.model else ()

    def child(self, step: str | int) -> Self | None:
        """Return the node of a key or list item, or None."""
        if isinstance(step, int):
            return self.item
        field = self.model.model_fields.get(step) if self.model else None
        return type(self)(_bare(field.annotation), field) if field else None


def _bare(annotation: Any) -> Any:
    """Return the type without validators and null."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        members = [_bare(member) for member in get_args(annotation) if member is not NoneType]
        return members[0] if len(members) == 1 else annotation
    return annotation
