"""Limits of the gateway as a whole: connections, time and memory."""

from typing import Annotated

from pydantic import AfterValidator, Field

from slimgate.config.base import LISTED, Frozen
from slimgate.config.client_limits import ClientLimits
from slimgate.config.network import address_range
from slimgate.config.units import ByteCount


class Limits(Frozen):
    """Limits of the gateway as a whole."""

    max_connections: int = Field(
        default=1024,
        ge=1,
        le=100_000,
        description="maximum client connections; more get 503 SlowDown",
    )
    address_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description=(
            "maximum share that one client address may hold of client connections, of "
            "connections to "
            "the store, and of upload memory; 1: all"
        ),
    )
    proxies: Annotated[
        tuple[Annotated[str, AfterValidator(address_range)], ...],
        LISTED,
        Field(max_length=256),
    ] = Field(
        default=(),
        description="addresses or networks of reverse proxies exempt from `address_share`",
    )
    forwarded_for: bool = Field(
        default=False,
        description="whether all of `proxies` append the client's address to `X-Forwarded-For`, "
        "so that `per_address` limits the client",
    )
    per_address: ClientLimits = Field(
        default=ClientLimits(), description="limits of one client address (IPv6: one /64 network)"
    )
    per_identity: ClientLimits = Field(
        default=ClientLimits(), description="limits of one access key"
    )
    handshake_timeout_s: float = Field(
        default=5.0, gt=0, le=300, description="timeout of a client's TLS handshake, seconds"
    )
    head_timeout_s: float = Field(
        default=20.0, gt=0, le=3600, description="timeout of a request head, seconds"
    )
    keepalive_timeout_s: float = Field(
        default=75.0,
        gt=0,
        le=3600,
        description="idle timeout between requests, seconds",
    )
    client_timeout_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="idle timeout within a request or response body, seconds",
    )
    min_client_rate: ByteCount = Field(
        default=2**10,
        ge=1,
        le=2**30,
        description="minimum transfer rate of a request or response body, bytes per second",
    )
    max_buffered_bytes: ByteCount = Field(
        default=512 * 2**20,
        ge=2**20,
        le=2**40,
        description="memory for uploads, renditions and restored files in flight, bytes",
    )
    max_spooled_bytes: ByteCount = Field(
        default=5 * 2**30,
        ge=2**20,
        le=2**50,
        description="disk space for bodies of unknown length, bytes",
    )
    max_listing_heads: int = Field(
        default=32, ge=1, le=1000, description="concurrent HEAD requests per listing"
    )
    max_header_bytes: ByteCount = Field(
        default=16 * 2**10,
        ge=8 * 2**10,
        le=2**20,
        description="maximum size of one request header, bytes",
    )
    max_head_bytes: ByteCount = Field(
        default=64 * 2**10,
        ge=16 * 2**10,
        le=4 * 2**20,
        description="maximum size of the request line and all headers, bytes",
    )
