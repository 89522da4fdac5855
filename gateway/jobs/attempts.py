"""Process one object, again if the store does not respond; every error becomes an outcome."""

import asyncio
import random
from typing import Final, Protocol

from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.jobs.halt import Halt
from slimgate.gateway.jobs.outcome import CHANGED, FAILED, STAYS, Failure, Outcome
from slimgate.gateway.jobs.pacing.concurrency import Concurrency
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.errors import Changed, Denied
from slimgate.gateway.workers.pool import Busy

_MAX_PAUSES_S: Final = (0.5, 4.0, 16.0)
"""Longest pauses before further attempts, with jitter of half of them, seconds."""

_PASSING: Final = frozenset({"ServiceUnavailable", "SlowDown"})


class Work(Protocol):
    """What a job does to each object."""

    def wants(self, row: Row) -> bool:
        """Return whether an object may be worth a request, by its row alone.

        Of one row the answer is always the same, as long as policies are.
        """
        ...

    async def __call__(self, row: Row) -> Outcome:
        """Process one object; may be called again after an error, and after success.

        Raises:
            Refused: It stays as it is.
            Busy: The queue is full.
            Changed: Another client wrote to it meanwhile.
            Denied: The store does not permit it.
            S3Error: The store does not respond, or the manifest is invalid.
        """
        ...


async def attempt(work: Work, row: Row, concurrency: Concurrency, halt: Halt) -> Outcome | None:
    """Process one object in its turn, with retries if the store does not respond.

    While it pauses others have their turns.

    Returns:
        The outcome; None: the run ends before its turn, or before the next attempt.
    """
    for longest_s in _MAX_PAUSES_S:
        try:
            return await _in_turn(work, row, concurrency, halt)
        except S3Error:
            await asyncio.sleep(random.uniform(longest_s / 2, longest_s))  # noqa: S311  # no secret
    try:
        return await _in_turn(work, row, concurrency, halt)
    except S3Error as error:
        return Outcome.same(FAILED, row.size or 0, error.message, Reason.UNAVAILABLE)


async def _in_turn(work: Work, row: Row, concurrency: Concurrency, halt: Halt) -> Outcome | None:
    async with concurrency.turn():
        if halt.is_urgent:
            return None
        try:
            outcome = await _outcome(work, row)
        except S3Error:
            concurrency.overloaded()
            raise
        concurrency.succeeded()
        return outcome


async def _outcome(work: Work, row: Row) -> Outcome:
    """Process one object once.

    Raises:
        S3Error: A retry may succeed.
    """
    size = row.size or 0
    try:
        return await work(row)
    except Changed:
        return Outcome.same(CHANGED, size)
    except Refused as reason:
        return Outcome.same(STAYS, size, str(reason), reason.reason)
    except Denied as error:
        return Outcome.same(FAILED, size, str(error), Failure.DENIED)
    except Busy as error:
        return Outcome.same(FAILED, size, str(error), error.reason)
    except S3Error as error:
        if error.code in _PASSING:
            raise
        return Outcome.same(FAILED, size, error.message, Failure.STORE)
