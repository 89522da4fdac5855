"""Settings of the queue of uploads that are optimized in the background."""

from typing import Literal

from pydantic import Field

from slimgate.config.base import Frozen
from slimgate.config.values import AccessKey, FilePath


class Deferred(Frozen):
    """The queue of uploads under policies with `when: deferred` or `mode: shadow`."""

    queue: Literal["sqlite", "redis"] = Field(
        default="sqlite",
        description="where the queue is: sqlite (a file that all processes of a host share), or "
        "redis (the Redis of `cache.redis`, for several gateways)",
    )
    path: FilePath | None = Field(
        default=None,
        description="file of the queue, on a local disk that outlives the gateway; null: "
        "`slimgate/deferred-queue.sqlite` in `XDG_STATE_HOME` or `~/.local/state`",
    )
    access_key: AccessKey | None = Field(
        default=None,
        description="access key of `credentials` that reads and replaces queued objects where "
        "their policy has no `upstream`; null: the first one",
    )
    concurrency: int = Field(
        default=1, ge=1, le=64, description="most images optimized in the background at a time"
    )
    cpu_share: float = Field(
        default=1.0,
        ge=0.01,
        le=1,
        description="share of the time in which each of these works; below 1, pauses follow images",
    )
    images_per_minute: int = Field(
        default=0, ge=0, le=10**6, description="most images begun per minute; 0: no limit"
    )
    max_queued: int = Field(
        default=100_000,
        ge=1,
        le=10**7,
        description="maximum queued uploads; further ones are stored as uploaded, for a job to "
        "optimize",
    )
    max_attempts: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="maximum attempts for one image, with pauses from 2 s to 15 min while store "
        "or workers fail; then it stays as uploaded",
    )
    lease_s: float = Field(
        default=60.0,
        ge=1,
        le=3600,
        description="time after which others take over what a lost process was at, seconds",
    )
    remove_replaced: bool = Field(
        default=False,
        description="whether to delete the uploaded version in a versioned bucket once the "
        "rendition is stored; clients may know its ID",
    )
