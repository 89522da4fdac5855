"""The queue that the configuration asks for."""

import os
from collections.abc import Mapping
from pathlib import Path

from slimgate.config import Settings
from slimgate.gateway.deferred.queue import DeferredQueue
from slimgate.gateway.deferred.redis_queue import RedisQueue
from slimgate.gateway.deferred.sqlite_queue import SqliteQueue


def configured_queue(settings: Settings) -> DeferredQueue:
    """Return the queue of a gateway process."""
    deferred, store = settings.deferred, settings.upstream.endpoint
    if deferred.queue == "redis":
        return RedisQueue(settings.cache.redis, store, deferred)
    return SqliteQueue(queue_path(settings, os.environ), store, deferred)


def queue_path(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Return the file of the queue, as configured or in the user's state.

    Args:
        settings: The configuration.
        environ: Environment variables.
    """
    if settings.deferred.path is not None:
        return Path(settings.deferred.path)
    base = environ.get("XDG_STATE_HOME")  # its specification demands an absolute path
    folder = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "state"
    return folder / "slimgate" / "deferred-queue.sqlite"
