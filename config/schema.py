"""The tree of settings, read from the models: what stands at a path, what a list holds.

Environment variables, suggestions and the reference all ask here, so a new field of a model needs
no second entry anywhere.
"""

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.base import Frozen
from config.problems import Path
from config.settings import Settings
from config.units import Unit


@dataclass(frozen=True, slots=True)
class Spot:
    """One place in the tree.

    Attributes:
        annotation: its type without null and without validators.
        field: the field that it is; None for the root and for an item of a list.
    """

    annotation: Any
    field: FieldInfo | None = None

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """Return the place at a path from the root, or None where there is none."""
        spot: Self | None = cls(Settings)
        for step in path:
            spot = spot and spot.child(step)
        return spot

    @property
    def model(self) -> type[Frozen] | None:
        """Return the model of a group of settings; None for a list or a value."""
        is_model = isinstance(self.annotation, type) and issubclass(self.annotation, Frozen)
        return self.annotation if is_model else None

    @property
    def item(self) -> Self | None:
        """Return the place of every item of a list; None for anything else."""
        if get_origin(self.annotation) is not tuple:
            return None
        return type(self)(_bare(get_args(self.annotation)[0]))

    @property
    def is_text(self) -> bool:
        """Return whether the value is free text, secret or not."""
        return self.annotation in {str, SecretStr}

    @property
    def unit(self) -> Unit | None:
        """Return the unit that a value is written with, if any."""
        metadata = self.field.metadata if self.field else []
        return next((entry for entry in metadata if isinstance(entry, Unit)), None)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of a group of settings; none for anything else."""
        return tuple(self.model.model_fields) if self.model else ()

    def child(self, step: str | int) -> Self | None:
        """Return the place of a key or of a list item; None when there is no such place."""
        if isinstance(step, int):
            return self.item
        field = self.model.model_fields.get(step) if self.model else None
        return type(self)(_bare(field.annotation), field) if field else None


def _bare(annotation: Any) -> Any:
    """Take validators and null off a type."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        members = [_bare(member) for member in get_args(annotation) if member is not NoneType]
        return members[0] if len(members) == 1 else annotation
    return annotation
