"""Settings of the caches of restored files: in memory and in Redis."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from slimgate.config.base import Frozen
from slimgate.config.redisurl import RedisPlace, redis_place
from slimgate.config.units import ByteCount


def _redis_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        redis_place(value.get_secret_value())
    return value


class RedisCacheSettings(Frozen):
    """The cache in Redis, shared by several gateways."""

    url: Annotated[SecretStr | None, AfterValidator(_redis_url)] = Field(
        default=None,
        description="URL of Redis: `redis://`, `rediss://`, `unix://`, `redis+sentinel://` or "
        "`redis+cluster://`; null: none",
    )
    ttl_s: int = Field(
        default=86_400, ge=1, le=366 * 86_400, description="lifetime of an entry in Redis, seconds"
    )
    max_entry_bytes: ByteCount = Field(
        default=8 * 2**20, ge=1, le=512 * 2**20, description="largest entry in Redis, bytes"
    )
    timeout_ms: float = Field(
        default=250.0,
        ge=1,
        le=10_000,
        description="timeout of a Redis request, milliseconds; then requests go on without it",
    )
    lease_s: float = Field(
        default=3.0,
        ge=0.1,
        le=60,
        description="lifetime of a restoration lease, seconds; then another gateway takes over",
    )

    @property
    def place(self) -> RedisPlace | None:
        """Return the address of Redis, or None."""
        return None if self.url is None else redis_place(self.url.get_secret_value())


class Cache(Frozen):
    """The cache in memory, and the one in Redis behind it."""

    max_bytes: ByteCount = Field(
        default=256 * 2**20,
        le=2**40,
        description="size of the memory cache, bytes; 0: off",
    )
    ttl_s: float = Field(
        default=3600.0,
        gt=0,
        le=366 * 86_400,
        description="lifetime of an entry in memory, seconds",
    )
    authorization_ttl_s: float = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="time for which the store's permission to read a restored file counts, and "
        "revoked rights and writes by other gateways may go unnoticed, seconds; 0: always ask",
    )
    redis: RedisCacheSettings = Field(
        default=RedisCacheSettings(), description="cache shared by gateways"
    )
