"""Apply stricter floors to kinds of images that need more than the mean of an image."""

from typing import Final, NamedTuple

from slimgate.codec.image import subject
from slimgate.codec.image.content_kind import Kind
from slimgate.codec.measures import floors
from slimgate.codec.measures.prepared import Prepared
from slimgate.config import Floor, Policy
from slimgate.config.floor import Guard

_NAMES: Final = {"medical": "medical image"}


class GuardedFloor(NamedTuple):
    """The floor that applies to one image.

    Attributes:
        floor: minimum fidelity.
        guard: guard that raised it; None: it is the policy's own.
    """

    floor: Floor
    guard: Guard | None


def applied(policy: Policy, original: Prepared, kind: Kind) -> GuardedFloor:
    """Return the floor that applies to one image, guards and lack of key points considered.

    Args:
        policy: policy of the upload.
        original: upload.
        kind: kind of the image.
    """
    guard = _guard(policy, original, kind)
    return GuardedFloor(floors.applied(policy.guarded_floor(guard), original), guard)


def described(policy: Policy, guard: str) -> str:
    """Return what a guard demanded, for people: "medical image: floor of high"."""
    return f"{name(guard)}: floor of {policy.guarded_fidelity(guard)}"


def name(guard: str) -> str:
    """Return the kind of image that a guard is for, for people."""
    return _NAMES.get(guard, guard)


def _guard(policy: Policy, original: Prepared, kind: Kind) -> Guard | None:
    """Return the guard that raises the floor for an image, if any."""
    if not policy.raising_guards:
        return None
    seen: tuple[Guard | Kind | None, ...] = (subject.subject(original.pixels, kind), kind)
    return next((guard for guard in policy.raising_guards if guard in seen), None)
