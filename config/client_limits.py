"""Limits of one client: an address, or an identity."""

from pydantic import Field

from slimgate.config.base import Frozen
from slimgate.config.units import ByteCount


class ClientLimits(Frozen):
    """Limits of one client; each process counts on its own."""

    connections: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="maximum concurrent requests, and connections of an address; null: no limit",
    )
    requests_per_s: float | None = Field(
        default=None,
        gt=0,
        le=1_000_000,
        description="maximum requests per second in the long run; null: no limit",
    )
    burst: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="requests at once that `requests_per_s` lets pass",
    )
    bytes_in_flight: ByteCount | None = Field(
        default=None,
        ge=2**20,
        le=2**50,
        description=(
            "maximum bytes of uploads in memory or on disk and of restored files being sent; "
            "one request alone may exceed it; null: no limit"
        ),
    )
    jobs: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="maximum jobs waiting for workers or running there; null: no limit",
    )
