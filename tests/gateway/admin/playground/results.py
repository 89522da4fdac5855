"""Results for the tests of the playground."""

from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policy
from slimgate.gateway.admin.playground.results import Result


def plain(size: int = 10, *, mime: str | None = "image/png") -> Result:
    """Return the result of an image that stays as it is."""
    return Result(
        name="a.png",
        mime=mime,
        upload=bytes(size),
        policy=Policy(name="photos", bucket="photos*", mode="optimize"),
        found=None,
        served=None,
        refusal=Refused(Reason.SMALL),
        trials=(),
        omitted=(),
        seconds=0.1,
    )
