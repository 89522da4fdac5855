"""Format restorers for a terminal."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from slimgate.models.registry.cards import Card, definition_of, hash_of

if TYPE_CHECKING:
    from slimgate.models.formats.checkpoints import Checkpoint

_TITLES: Final = ("NAME", "SCALES", "KIND", "SIZE", "LICENCE", "HASH")


def table(cards: Iterable[Card]) -> str:
    """Return a table of restorers, one per line."""
    rows = [_TITLES, *(_row(card) for card in cards)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def card(known: Card) -> str:
    """Return all properties of a restorer."""
    facts = [
        ("name", known.name),
        ("scales", _scales(known)),
        ("kind", _KINDS[known.kind]),
        ("hash", known.hash),
        ("receptive field", f"{known.receptive_field} pixels on each side"),
        ("licence", known.licence),
        ("source", known.source),
        ("training data", known.training_data),
    ]
    if known.download is not None:
        facts += [
            ("weights", known.download.url),
            ("size", f"{known.download.size} bytes"),
            ("sha256", known.download.sha256),
        ]
    return _facts(facts)


def checkpoint(read: "Checkpoint") -> str:
    """Return the properties of a file of weights."""
    return _facts(
        [
            ("name", read.name),
            ("architecture", read.architecture),
            ("scale", str(read.scale)),
            ("channels", "RGB to RGB"),
            ("parameters", str(read.parameters)),
            ("sha256", read.sha256),
            ("hash", hash_of(definition_of(read.sha256))),
        ]
    )


_KINDS: Final = {
    "integer": "integer: bit-exact on every machine",
    "float": "float: pixels may differ slightly between machines",
}


def _row(known: Card) -> tuple[str, ...]:
    size = f"{known.download.size / 1e6:.1f} MB" if known.download else "-"
    return known.name, _scales(known), known.kind, size, known.licence, known.hash


def _scales(known: Card) -> str:
    return ", ".join(str(scale) for scale in known.scales)


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    width = max(len(title) for title, _ in facts)
    return "".join(f"{title:<{width}}  {value}\n" for title, value in facts)
