"""What explain says of a file that an obstacle keeps from a tier with loss."""

import io
from typing import Any, Final

import pytest
from PIL import Image

from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.search.obstacles import Obstacle
from slimgate.config import Policy
from slimgate.gateway.jobs.kept_back import kept_back
from slimgate.gateway.optimize.candidate import Candidate, InMemory
from slimgate.gateway.s3.routing import Target
from tests.gateway.instant_workers import InstantWorkers, manifest

_FORM: Final = Obstacle("four components", is_form=True)


class _Recoding(InstantWorkers):
    """Workers that store any ordinary file in 100 bytes, with loss or without."""

    tier = "recode"

    async def optimize(self, data: bytes, *_: Any, **__: Any) -> Optimized:
        """Return the rendition."""
        assert data.startswith(b"\xff\xd8\xff")
        made = manifest(len(data))
        stored = made.stored.model_copy(update={"tier": self.tier})
        return Optimized(bytes(100), made.model_copy(update={"stored": stored}), ())


def _candidate(workers: InstantWorkers, **policy: Any) -> Candidate:
    out = io.BytesIO()
    Image.new("CMYK", (64, 64)).save(out, "JPEG")
    return Candidate(
        policy=Policy(name="p", bucket="b", mode="optimize", **policy),
        target=Target("", "", ""),
        headers={},
        source=InMemory(out.getvalue()),
        workers=workers,
    )


async def test_the_cost_of_an_obstacle_is_told() -> None:
    """The bytes are compared with those of an ordinary file of the same pixels."""
    assert await kept_back(_candidate(_Recoding()), _FORM, 1_300) == [
        "kept from a tier with loss: four components",
        (
            "  this costs 1,200 bytes: of the same pixels in an ordinary JPEG file 100 bytes "
            "would be stored"
        ),
    ]


@pytest.mark.parametrize(
    ("stored", "obstacle", "policy"),
    [
        (100, _FORM, {}),
        (1_300, Obstacle("nothing holds the floor"), {}),
        (1_300, _FORM, {"tiers": ["exact"]}),
    ],
)
async def test_obstacles_without_a_cost(
    stored: int, obstacle: Obstacle, policy: dict[str, Any]
) -> None:
    """Where an ordinary file would be no smaller, or is not the point, there is only the reason."""
    lines = await kept_back(_candidate(_Recoding(), **policy), obstacle, stored)
    assert lines == [f"kept from a tier with loss: {obstacle.why}"]


async def test_copies_that_do_not_get_small() -> None:
    """A copy that is refused, or stored without loss, tells of no cost."""
    without_loss = _Recoding()
    without_loss.tier = "exact"
    for workers in (InstantWorkers(error=Refused(Reason.FLOOR)), without_loss):
        assert len(await kept_back(_candidate(workers), _FORM, 1_300)) == 1


async def test_no_obstacle_no_line() -> None:
    """A file that is stored with loss needs no excuse."""
    assert await kept_back(_candidate(_Recoding()), None, 1_300) == []
