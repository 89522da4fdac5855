"""What competes at equal bytes: shrinking and restoring against codecs at full size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.training.evaluation.curves import Curve, Measure, curve
from models.training.evaluation.plan import INTERPOLATIONS, NONE, Plan, Point

Labels = Mapping[int, Sequence[str]]
"""Labels of restorers, by scale."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way of storing images.

    Attributes:
        codec: Of the renditions.
        scale: By how much they are smaller.
        restorer: What restores them.
    """

    codec: str
    scale: int
    restorer: str

    @property
    def label(self) -> str:
        """Say it in words."""
        size = "full size" if self.scale == 1 else f"1/{self.scale} size"
        return f"{self.codec}, {size}" + ("" if self.restorer == NONE else f" + {self.restorer}")

    def curve(self, points: Sequence[Point], measure: Measure) -> Curve:
        """Draw its curve through the points of a class."""
        return curve(
            points, codec=self.codec, scale=self.scale, restorer=self.restorer, measure=measure
        )


def reference(plan: Plan) -> Contender:
    """Give what all others are compared with: the first codec at full size."""
    return Contender(plan.codecs[0], 1, NONE)


def contenders(plan: Plan, labels: Labels) -> list[Contender]:
    """List all but the reference: with a restorer, shrunk, and other codecs."""
    first = plan.codecs[0]
    listed = [Contender(first, 1, label) for label in labels[1]]
    for scale in plan.scales:
        networks = networks_of(labels, scale) or ["lanczos"]
        listed += [Contender(first, scale, label) for label in networks]
    return listed + [Contender(codec, 1, NONE) for codec in plan.codecs[1:]]


def networks_of(labels: Labels, scale: int) -> list[str]:
    """Give the restorers of a scale that do more than interpolate."""
    return [label for label in labels[scale] if label not in INTERPOLATIONS]
