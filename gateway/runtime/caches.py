"""Make the caches, and what gateways that share Redis tell each other, from the settings."""

from slimgate.config import Cache as CacheSettings
from slimgate.config import Policies, Settings
from slimgate.gateway.cache.followed import FollowedCache
from slimgate.gateway.cache.memory import Cache, MemoryCache
from slimgate.gateway.cache.peers import Peers
from slimgate.gateway.cache.redis import LayeredCache, RedisCache
from slimgate.gateway.cache.redis_client import RedisConnection
from slimgate.gateway.cache.write_notices import WriteNotices
from slimgate.gateway.storage.authorizations import Authorizations
from slimgate.gateway.workers.engine_process import TIMEOUT_S


def configured_cache(
    settings: CacheSettings, authorizations: Authorizations, given: Cache | None = None
) -> Cache:
    """Return the cache of restored files.

    Args:
        settings: The section ``cache``.
        authorizations: End for objects that are dropped.
        given: Cache to use instead of a new one.
    """
    return FollowedCache(given or _layers(settings), authorizations.forget)


def _layers(settings: CacheSettings) -> Cache:
    memory = MemoryCache(settings.max_bytes, settings.ttl_s)
    if settings.redis.url is None:
        return memory
    return LayeredCache(memory, RedisCache(settings.redis, TIMEOUT_S))


def configured_peers(settings: Settings, policies: Policies) -> Peers | None:
    """Return what compares the policies of gateways; None: without Redis."""
    redis = settings.cache.redis
    if redis.url is None:
        return None
    return Peers(RedisConnection(redis), settings.upstream.endpoint, policies)


def configured_notices(
    settings: CacheSettings, authorizations: Authorizations
) -> WriteNotices | None:
    """Return what hears of writes through other gateways; None: nothing depends on them."""
    if settings.redis.url is None or not authorizations.enabled:
        return None
    redis = RedisConnection(settings.redis)
    return WriteNotices(redis, authorizations.forget_name, authorizations.forget_all)
