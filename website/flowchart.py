"""Draw flowcharts from left to right, and charts of blocks, in the notation of Mermaid."""

import re
from collections.abc import Iterator
from typing import Final

from website import svg

_NODE: Final = re.compile(r"(\w+)(?:[\[(]+\"?([^\"\])]+)\"?[\])]+)?")
_EDGE: Final = re.compile(r"(.+?) <-->\|\"?([^|\"]+)\"?\| (.+)")
_BLOCK: Final = re.compile(r"(\w+)(?:\[\"([^\"]+)\"\])?(?::(\d+))?")

_BOX_PX: Final = (120.0, 52.0)
_GAP_PX: Final = 98.0
_ROW_PX: Final = 80.0
_CELL_PX: Final = (96.0, 48.0)


def flowchart(source: str, label: str) -> str:
    """Return the drawing of edges ``a["A"] <-->|words| b``; each node is right of who names it."""
    names: dict[str, str] = {}
    columns: dict[str, int] = {}
    edges = list(_edges(source, names))
    for start, _, end in edges:
        columns.setdefault(end, columns.setdefault(start, 0) + 1)
    places = _places(columns)
    parts = [_edge(places[start], places[end], text) for start, text, end in edges]
    for name, (x, y) in places.items():
        parts.append(svg.box(x, y, _BOX_PX))
        parts.append(svg.words(x + _BOX_PX[0] / 2, y + _BOX_PX[1] / 2, names[name]))
    right = max(x for x, _ in places.values()) + _BOX_PX[0] + 6
    bottom = max(y for _, y in places.values()) + _BOX_PX[1] + 6
    return svg.drawing((right, bottom), parts, label)


def blocks(source: str, label: str) -> str:
    """Return the drawing of rows of blocks: ``name["words"]:columns``, ``space:columns``."""
    styled: set[str] = set()
    parts: list[str] = []
    columns, y = 1, 4.0
    rows = [row.strip() for row in source.splitlines() if row.strip()]
    for row in rows:
        if row.startswith("class "):
            styled.update(row.split()[1].split(","))
    for row in rows:
        if row.startswith("columns "):
            columns = int(row.split()[1])
        elif not row.startswith("class"):
            parts += _row(row, y, styled)
            y += _CELL_PX[1] + 6
    return svg.drawing((columns * _CELL_PX[0] + 4, y), parts, label)


def _edges(source: str, names: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for row in source.splitlines():
        found = _EDGE.fullmatch(row.strip())
        if found is None:
            if row.strip():
                raise ValueError(f"not an edge of a flowchart that can be drawn: {row.strip()}")
            continue
        start, end = (_node(found[part], names) for part in (1, 3))
        yield start, found[2], end


def _node(text: str, names: dict[str, str]) -> str:
    found = _NODE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a node of a flowchart that can be drawn: {text}")
    names.setdefault(found[1], found[2] or found[1])
    return found[1]


def _places(columns: dict[str, int]) -> dict[str, tuple[float, float]]:
    """Return left and top of each node: columns are centred on the tallest one."""
    most = max(list(columns.values()).count(column) for column in columns.values())
    places: dict[str, tuple[float, float]] = {}
    for column in sorted(set(columns.values())):
        inside = [name for name, each in columns.items() if each == column]
        for row, name in enumerate(inside):
            offset = (most - len(inside)) / 2 + row
            places[name] = 4 + column * (_BOX_PX[0] + _GAP_PX), 4 + offset * _ROW_PX
    return places


def _edge(start: tuple[float, float], end: tuple[float, float], text: str) -> str:
    half = _BOX_PX[1] / 2
    left = (start[0] + _BOX_PX[0], start[1] + half)
    right = (end[0], end[1] + half)
    middle = (left[0] + right[0]) / 2, left[1] * 0.35 + right[1] * 0.65
    wide = svg.width(text) + 8
    plate = svg.box(middle[0] - wide / 2, middle[1] - 11, (wide, 22), "plate")
    return svg.line(left, right) + plate + svg.words(*middle, text)


def _row(row: str, y: float, styled: set[str]) -> Iterator[str]:
    x = 4.0
    for name, text, span in _BLOCK.findall(row):
        wide = int(span or 1) * _CELL_PX[0]
        if name != "space":
            kind = "box accent" if name in styled else "box"
            yield svg.box(x, y, (wide - 6, _CELL_PX[1]), kind)
            yield svg.words(x + (wide - 6) / 2, y + _CELL_PX[1] / 2, _folded(text, wide - 14))
        x += wide


def _folded(text: str, wide: float) -> str:
    """Return a label in two lines if one is too wide."""
    if svg.width(text) <= wide:
        return text
    head, _, tail = text.partition(": ")
    return f"{head}:<br/>{tail}" if tail else text.replace(" ", "<br/>", 1)
