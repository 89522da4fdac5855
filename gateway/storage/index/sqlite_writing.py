"""Write entries into the file of the index, and remove others if it is full.

Entries are sorted by bucket and key, so that a page of a listing is read and written in one place.
A hand moves through them, and takes away those that make room: like random victims, since it moves
far more slowly than listings do.
"""

import json
import random
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from slimgate.gateway.storage.index import record
from slimgate.gateway.storage.listing_index import ADMITTED

_OLD: Final = """
SELECT name, record FROM json_each(?1) CROSS JOIN entries
WHERE bucket = ?2 AND entries.name = json_each.value AND typeof(record) = 'blob'
"""
_AFTER_HAND: Final = """
SELECT bucket, name FROM entries WHERE (bucket, name) > (?, ?) ORDER BY bucket, name LIMIT ?
"""

_DELETE: Final = "DELETE FROM entries WHERE bucket = ? AND name = ?"
_MOST_REMOVED: Final = 10_000
"""Most surplus entries that one write removes."""


def write(
    connection: sqlite3.Connection,
    bucket: str,
    records: Sequence[tuple[str, bytes]],
    max_entries: int,
    chance: random.Random,
) -> int:
    """Write entries of one bucket in one transaction.

    Args:
        connection: The file.
        bucket: Name of the store and the bucket.
        records: Names and records.
        max_entries: Most entries in the file.
        chance: Decides what is admitted to a full file.

    Returns:
        The number of entries in the file.

    Raises:
        sqlite3.Error: Nothing was written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        count = _write(connection, _id(connection, bucket), records, max_entries, chance)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return count


def _id(connection: sqlite3.Connection, bucket: str) -> int:
    connection.execute("INSERT OR IGNORE INTO buckets (name) VALUES (?)", (bucket,))
    found = connection.execute("SELECT id FROM buckets WHERE name = ?", (bucket,)).fetchone()
    return int(found[0])


def _write(
    connection: sqlite3.Connection,
    bucket: int,
    records: Sequence[tuple[str, bytes]],
    max_entries: int,
    chance: random.Random,
) -> int:
    names = json.dumps([name for name, _ in records])
    old: dict[str, bytes] = dict(connection.execute(_OLD, (names, bucket)).fetchall())
    new = {name: data for name, data in _merged(old, records).items() if data != old.get(name)}
    (count,) = connection.execute("SELECT entries FROM state").fetchone()
    added = [name for name in new if name not in old]
    room = max(0, max_entries - count)
    admitted = [name for name in added[room:] if chance.random() < ADMITTED]
    # There are too many entries if the setting was lowered.
    surplus = len(admitted) + min(_MOST_REMOVED, max(0, count - max_entries))
    removed = _make_room(connection, surplus) if surplus else 0
    before = connection.total_changes
    connection.executemany(_DELETE, [(bucket, name) for name in new if name in old])
    removed += connection.total_changes - before
    stored = [(bucket, name, new.get(name)) for name in (*old, *added[:room], *admitted)]
    stored = sorted(row for row in stored if row[2] is not None)
    connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", stored)
    count += len(stored) - removed
    connection.execute("UPDATE state SET entries = ?", (count,))
    return int(count)


def _merged(
    old: Mapping[str, bytes], records: Iterable[tuple[str, bytes]]
) -> dict[str, bytes | None]:
    """Return what replaces what is stored; None: it is removed."""
    new: dict[str, bytes | None] = {}
    for name, data in records:
        new[name] = record.merged(new[name] if name in new else old.get(name), data)
    return new


def _make_room(connection: sqlite3.Connection, number: int) -> int:
    """Remove the entries after the hand, and move it; return how many were removed."""
    hand = connection.execute("SELECT hand_bucket, hand_name FROM state").fetchone()
    victims = connection.execute(_AFTER_HAND, (*hand, number)).fetchall()
    if len(victims) < number:
        victims += connection.execute(_AFTER_HAND, (0, "", number - len(victims))).fetchall()
    distinct = sorted(set(victims))
    connection.executemany(_DELETE, distinct)
    if victims:
        connection.execute("UPDATE state SET hand_bucket = ?, hand_name = ?", victims[-1])
    return len(distinct)
