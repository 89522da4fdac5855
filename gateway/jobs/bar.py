"""The progress bar of a run: rate, time left, bytes and money saved; on a terminal only."""

from types import TracebackType
from typing import NoReturn, Self

from tqdm import tqdm

from slimgate.gateway.jobs import money
from slimgate.gateway.jobs.outcome import Outcome
from slimgate.gateway.jobs.state.done import ShardTotals


class Bar:
    """Follow a run.

    Args:
        rows: Objects of the round.
        earlier: Objects in shards that were done before.
    """

    def __init__(self, rows: int, earlier: int) -> None:
        self._saved = 0
        self._bar: tqdm[NoReturn] = tqdm(
            unit="object", disable=None, dynamic_ncols=True, total=rows, initial=earlier
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def seen(self, outcome: Outcome) -> None:
        """Take the outcome of an object."""
        self._add(1, outcome.before - outcome.after)

    def found(self, totals: ShardTotals) -> None:
        """Take the totals of a shard."""
        self._add(totals.rows, totals.saved)

    def _add(self, count: int, saved: int) -> None:
        self._saved += saved
        self._bar.update(count)
        self._bar.set_postfix_str(money.balance(self._saved), refresh=False)
