"""Contenders at equal bytes: downscaling with a restorer, and codecs at full size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slimgate.models.training.evaluation.curves import Curve, Measure, curve
from slimgate.models.training.evaluation.plan import INTERPOLATIONS, NONE, Plan, Point

Labels = Mapping[int, Sequence[str]]
"""Labels of restorers, by scale."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to store images.

    Attributes:
        codec: codec of the renditions.
        scale: downscale factor.
        restorer: restorer.
    """

    codec: str
    scale: int
    restorer: str

    @property
    def label(self) -> str:
        """Return a description."""
        size = "full size" if self.scale == 1 else f"1/{self.scale} size"
        return f"{self.codec}, {size}" + ("" if self.restorer == NONE else f" + {self.restorer}")

    def curve(self, points: Sequence[Point], measure: Measure) -> Curve:
        """Return its curve through the points of a class."""
        return curve(
            points, codec=self.codec, scale=self.scale, restorer=self.restorer, measure=measure
        )


def reference(plan: Plan) -> Contender:
    """Return the reference of comparisons: the first codec at full size."""
    return Contender(plan.codecs[0], 1, NONE)


def contenders(plan: Plan, labels: Labels) -> list[Contender]:
    """Return all except the reference: full size with a restorer, downscaled, other codecs."""
    first = plan.codecs[0]
    listed = [Contender(first, 1, label) for label in labels[1]]
    for scale in plan.scales:
        networks = networks_of(labels, scale) or ["lanczos"]
        listed += [Contender(first, scale, label) for label in networks]
    return listed + [Contender(codec, 1, NONE) for codec in plan.codecs[1:]]


def networks_of(labels: Labels, scale: int) -> list[str]:
    """Return the restorers of a scale other than interpolations."""
    return [label for label in labels[scale] if label not in INTERPOLATIONS]
