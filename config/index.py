"""Settings of the index of sizes and ETags that listings use."""

from typing import Literal

from pydantic import Field

from slimgate.config.base import Frozen
from slimgate.config.values import AccessKey, FilePath


class Index(Frozen):
    """The index of sizes and ETags of uploads, also in Redis if `cache.redis` is configured."""

    kind: Literal["sqlite", "memory"] = Field(
        default="sqlite",
        description="where the index is: sqlite (a file that survives restarts, shared by all "
        "processes of a host), or memory",
    )
    path: FilePath | None = Field(
        default=None,
        description="file of the index, on a local disk; null: `slimgate/listing-index.sqlite` in "
        "`XDG_CACHE_HOME` or `~/.cache`",
    )
    access_key: AccessKey | None = Field(
        default=None,
        description="access key of `credentials` that looks at objects which a caller may list but "
        "not read; null: listings show those as stored, unless another request has shown them",
    )
    entries: int = Field(
        default=10_000_000,
        ge=1,
        le=10**9,
        description="maximum entries in the file, and in Redis (the same for all gateways); in "
        "memory, at most 1,000,000 for all processes",
    )
