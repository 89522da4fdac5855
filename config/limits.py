"""What the gateway as a whole may hold and do at the same time."""

from typing import Annotated

from pydantic import AfterValidator, Field

from config.base import LISTED, Frozen
from config.network import address_range
from config.units import ByteCount


class Limits(Frozen):
    """What the gateway as a whole may hold and do at the same time."""

    max_connections: int = Field(
        default=1024,
        ge=1,
        le=100_000,
        description="connections of clients at a time; beyond it: 503 SlowDown",
    )
    address_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description=(
            "largest share of the connections, of clients and to the store, and of the memory for "
            "uploads that one client address may hold; 1: all of it"
        ),
    )
    proxies: Annotated[
        tuple[Annotated[str, AfterValidator(address_range)], ...],
        LISTED,
        Field(max_length=256),
    ] = Field(
        default=(),
        description="addresses or networks of reverse proxies, which `address_share` spares",
    )
    handshake_timeout_s: float = Field(
        default=5.0, gt=0, le=300, description="time for the TLS handshake of a client, seconds"
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
    max_head_bytes: ByteCount = Field(
        default=64 * 2**10,
        ge=16 * 2**10,
        le=4 * 2**20,
        description="size of the request line and all header fields together",
    )
    list_index_entries: int = Field(
        default=1_000_000, ge=1, le=10**8, description="objects whose size listings remember"
    )
