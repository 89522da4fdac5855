"""What the gateway as a whole may hold and do at the same time."""

from pydantic import Field

from config.base import Frozen
from config.units import ByteCount


class Limits(Frozen):
    """What the gateway as a whole may hold and do at the same time."""

    max_connections: int = Field(
        default=1024,
        ge=1,
        le=100_000,
        description="connections of clients at a time; beyond it: 503 SlowDown",
    )
    head_timeout_s: float = Field(
        default=20.0, gt=0, le=3600, description="time for the head of a request, seconds"
    )
    keepalive_timeout_s: float = Field(
        default=75.0,
        gt=0,
        le=3600,
        description="time that a connection may be idle between requests, seconds",
    )
    client_timeout_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="longest silence of a client within a body or an answer, seconds",
    )
    min_client_rate: ByteCount = Field(
        default=2**10,
        ge=1,
        le=2**30,
        description="slowest transfer of a body or an answer, bytes per second",
    )
    max_buffered_bytes: ByteCount = Field(
        default=512 * 2**20,
        ge=2**20,
        le=2**40,
        description="uploads, renditions and restored files in memory at a time",
    )
    max_spooled_bytes: ByteCount = Field(
        default=5 * 2**30,
        ge=2**20,
        le=2**50,
        description="bodies that do not tell their length, on disk at a time",
    )
    max_listing_heads: int = Field(
        default=32, ge=1, le=1000, description="requests to the store at a time for one listing"
    )
    max_header_bytes: ByteCount = Field(
        default=16 * 2**10, ge=8 * 2**10, le=2**20, description="size of one request header field"
    )
    list_index_entries: int = Field(
        default=1_000_000, ge=1, le=10**8, description="objects whose size listings remember"
    )
