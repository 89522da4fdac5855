"""Draw sequence diagrams in the notation of Mermaid, so that pages need no script for them."""

import re
from collections.abc import Callable
from typing import Final

from website import svg

_PARTICIPANT: Final = re.compile(r"participant (\w+) as (.+)")
_MESSAGE: Final = re.compile(r"(\w+)(-?)->>(\w+): (.+)")
_NOTE: Final = re.compile(r"Note over (\w+): (.+)")
_FRAME: Final = re.compile(r"(opt|alt|else) ?(.*)")

_MARGIN_PX: Final = 70.0
_COLUMN_PX: Final = 158.0
_HEAD_PX: Final = 44.0


class Sequence:
    """A diagram, drawn line by line from top to bottom.

    Args:
        source: Lines of the notation below ``sequenceDiagram``.
        label: What the diagram shows, in words.
    """

    def __init__(self, source: str, label: str) -> None:
        self._columns: dict[str, float] = {}
        self._names: dict[str, str] = {}
        self._parts: list[str] = []
        self._frames: list[tuple[float, str]] = []
        self._y = _HEAD_PX + 14
        self._label = label
        for row in source.splitlines():
            if text := row.strip():
                self._read(text)

    def drawn(self) -> str:
        """Return the drawing."""
        right = max(self._columns.values()) + _MARGIN_PX
        bottom = self._y + 8
        lifelines = [
            svg.line((x, _HEAD_PX - 8), (x, bottom), "life") for x in self._columns.values()
        ]
        heads = [
            svg.box(x - 50, 4, (100, 32)) + svg.words(x, 20, self._names[name])
            for name, x in self._columns.items()
        ]
        return svg.drawing((right, bottom), [*lifelines, *self._parts, *heads], self._label)

    def _read(self, text: str) -> None:
        readers: list[tuple[re.Pattern[str], Callable[..., None]]] = [
            (_PARTICIPANT, self._participant),
            (_MESSAGE, self._message),
            (_NOTE, self._note),
            (_FRAME, self._frame),
        ]
        if text == "end":
            self._end()
            return
        for pattern, reader in readers:
            if found := pattern.fullmatch(text):
                reader(*found.groups())
                return
        raise ValueError(f"not a line of a sequence diagram that can be drawn: {text}")

    def _participant(self, name: str, shown: str) -> None:
        self._columns[name] = _MARGIN_PX + _COLUMN_PX * len(self._columns)
        self._names[name] = shown

    def _message(self, sender: str, dashed: str, receiver: str, text: str) -> None:
        start, end = self._columns[sender], self._columns[receiver]
        height = svg.LINE_PX * len(svg.lines(text))
        kind = "line dashed" if dashed else "line"
        if sender == receiver:
            self._parts.append(svg.words(start + 12, self._y + height / 2, text, anchor="start"))
            self._parts.append(
                f'<path class="{kind}" fill="none" '
                f'd="M{start:g} {self._y:g}h7v{height:g}h-4"/>'
                + svg.arrow((start + 7, self._y + height), (start, self._y + height))
            )
            self._y += height + 16
            return
        self._y += height
        self._parts.append(svg.words((start + end) / 2, self._y - height / 2 - 3, text))
        self._parts.append(svg.arrow((start, self._y), (end, self._y), kind))
        self._y += 14

    def _note(self, name: str, text: str) -> None:
        wide, high = svg.width(text) + 16, svg.LINE_PX * len(svg.lines(text)) + 8
        left = max(self._columns[name] - wide / 2, 4)
        self._parts.append(svg.box(left, self._y, (wide, high), "note"))
        self._parts.append(svg.words(left + wide / 2, self._y + high / 2, text))
        self._y += high + 12

    def _frame(self, kind: str, text: str) -> None:
        left, right = 8.0, max(self._columns.values()) + _MARGIN_PX - 8
        if kind == "else":
            self._parts.append(svg.line((left, self._y), (right, self._y), "life"))
            self._parts.append(svg.words(left + 8, self._y + 12, f"else: {text}", anchor="start"))
        else:
            self._frames.append((self._y, kind))
            self._parts.append(svg.words(left + 8, self._y + 12, f"{kind}: {text}", anchor="start"))
        self._y += 26

    def _end(self) -> None:
        top, _ = self._frames.pop()
        right = max(self._columns.values()) + _MARGIN_PX - 8
        inset = 6.0 * len(self._frames)
        size = (right - 8 - 2 * inset, self._y - top)
        self._parts.append(svg.box(8 + inset, top, size, "frame"))
        self._y += 12
