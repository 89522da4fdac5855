"""The history of savings, for its page: sums, and a bar per day."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from slimgate.gateway.admin.savings import Saving
from slimgate.gateway.telemetry.savings_history import Key, Saved, SavingsHistory

DAYS: Final = 30
"""Days with a bar, the last of them today."""


_HEADINGS: Final = {"optimize": "Saved", "shadow": "Would be saved by shadow policies"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: its date, savings, and its height as a share of the highest bar."""

    day: str
    saving: Saving
    height: float


@dataclass(frozen=True, slots=True)
class History:
    """Savings of one mode.

    Attributes:
        since: First day, ISO 8601.
        total: All of it.
        buckets: By bucket, largest saving first.
        tiers: By tier, largest saving first.
        bars: The last days.
    """

    since: str
    total: Saving
    buckets: Mapping[str, Saving]
    tiers: Mapping[str, Saving]
    bars: tuple[Bar, ...]


async def histories(kept: SavingsHistory) -> list[tuple[str, History]]:
    """Return the heading and the history of each mode that has one.

    Raises:
        sqlite3.Error: The file cannot be read.
    """
    rows, today = await kept.rows(), datetime.now(UTC).date()
    # Years of many buckets are a million rows: requests of clients must not wait for their sum.
    return await asyncio.to_thread(_found, rows, today)


def _found(rows: Mapping[Key, Saved], today: date) -> list[tuple[str, History]]:
    found = ((heading, history(rows, mode, today)) for mode, heading in _HEADINGS.items())
    return [(heading, each) for heading, each in found if each is not None]


def history(rows: Mapping[Key, Saved], mode: str, today: date) -> History | None:
    """Return the history of a mode; None: there is none.

    Args:
        rows: Counts by day, bucket and tier.
        mode: ``optimize`` or ``shadow``.
        today: Last day with a bar.
    """
    own = {key: saved for key, saved in rows.items() if key.mode == mode}
    if not own:
        return None
    days = _summed(own, lambda key: key.day)
    wanted = [(today - timedelta(days=back)).isoformat() for back in reversed(range(DAYS))]
    shown = [(day, days.get(day, Saving())) for day in wanted]
    most = max(1, *(each.saved for _, each in shown))
    return History(
        since=min(days),
        total=_summed(own, lambda _: "")[""],
        buckets=_summed(own, lambda key: key.bucket),
        tiers=_summed(own, lambda key: key.tier),
        bars=tuple(Bar(day, each, max(0.0, each.saved / most)) for day, each in shown),
    )


def _summed(rows: Mapping[Key, Saved], name: Callable[[Key], str]) -> dict[str, Saving]:
    found: dict[str, Saving] = {}
    for key, saved in rows.items():
        each = found.setdefault(name(key), Saving())
        each.images += saved.images
        each.uploaded += saved.uploaded
        each.stored += saved.stored
    return dict(sorted(found.items(), key=lambda item: (-item[1].saved, item[0])))
