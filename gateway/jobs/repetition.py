"""Repeat requests while the store does not respond."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from slimgate.gateway.s3.errors import S3Error

PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Longest pauses before further attempts, with full jitter, seconds."""

_PASSING: Final = frozenset({"ServiceUnavailable", "SlowDown"})

_Result = TypeVar("_Result")


async def repeated(
    send: Callable[[], Awaitable[_Result]], pauses_s: Sequence[float] = PAUSES_S
) -> _Result:
    """Return the result of the first attempt to which the store responds.

    Args:
        send: One attempt.
        pauses_s: Longest pauses before further attempts, seconds.

    Raises:
        S3Error: No attempt succeeds, or one fails for another reason.
    """
    for longest in pauses_s:
        try:
            return await send()
        except S3Error as error:
            if error.code not in _PASSING:
                raise
        await asyncio.sleep(random.uniform(0.0, longest))  # noqa: S311  # no secret
    return await send()
