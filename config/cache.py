"""The caches of restored files: in memory, and in Redis."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from config.base import Frozen
from config.redisurl import RedisPlace, redis_place
from config.units import ByteCount


def _redis_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        redis_place(value.get_secret_value())
    return value


class RedisCacheSettings(Frozen):
    """Restored files kept in Redis, where several gateways find them."""

    url: Annotated[SecretStr | None, AfterValidator(_redis_url)] = Field(
        default=None,
        description="URL: `redis://`, `rediss://`, `unix://`, `redis+sentinel://` or "
        "`redis+cluster://`; null: no Redis",
    )
    ttl_s: int = Field(
        default=86_400, ge=1, le=366 * 86_400, description="time that a file is kept, seconds"
    )
    max_entry_bytes: ByteCount = Field(
        default=8 * 2**20, ge=1, le=512 * 2**20, description="largest file that is kept there"
    )
    timeout_ms: float = Field(
        default=250.0,
        ge=1,
        le=10_000,
        description="longest wait for Redis; then files are restored without it, milliseconds",
    )
    lease_s: float = Field(
        default=3.0,
        ge=0.1,
        le=60,
        description="time after which another gateway restores what one that died was restoring,"
        " seconds",
    )

    @property
    def place(self) -> RedisPlace | None:
        """Return where Redis is; None where there is none."""
        return None if self.url is None else redis_place(self.url.get_secret_value())


class Cache(Frozen):
    """Restored files kept in the memory of the gateway, and in Redis behind that."""

    max_bytes: ByteCount = Field(
        default=256 * 2**20,
        le=2**40,
        description="size of the cache in memory; 0 switches it off",
    )
    ttl_s: float = Field(
        default=3600.0,
        gt=0,
        le=366 * 86_400,
        description="time that a file is kept in memory, seconds",
    )
    redis: RedisCacheSettings = Field(
        default=RedisCacheSettings(), description="a cache that gateways share"
    )
