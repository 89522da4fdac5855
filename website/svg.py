"""Draw boxes, lines and words as SVG that takes its colours from the page around it."""

from html import escape
from typing import Final

LINE_PX: Final = 18
"""Height of a line of text."""

_CHARACTER_PX: Final = 6.6  # a generous average of proportional fonts at 12 px


def width(text: str) -> float:
    """Return about how wide a text is drawn, in pixels; its widest line counts."""
    return _CHARACTER_PX * max(len(line) for line in lines(text))


def lines(text: str) -> list[str]:
    """Return the lines of a label; ``<br/>`` ends one."""
    return text.replace("<br>", "<br/>").split("<br/>")


def words(x: float, y: float, text: str, *, anchor: str = "middle") -> str:
    """Return a label whose lines are centred vertically on ``y``."""
    rows = lines(text)
    top = y - (len(rows) - 1) * LINE_PX / 2 + 4.5
    spans = "".join(
        f'<tspan x="{x:g}" y="{top + row * LINE_PX:g}">{escape(line)}</tspan>'
        for row, line in enumerate(rows)
    )
    return f'<text text-anchor="{anchor}">{spans}</text>'


def box(left: float, top: float, size: tuple[float, float], kind: str = "box") -> str:
    """Return a rectangle of a class of the style sheet."""
    return (
        f'<rect class="{kind}" x="{left:g}" y="{top:g}" '
        f'width="{size[0]:g}" height="{size[1]:g}" rx="4"/>'
    )


def line(start: tuple[float, float], end: tuple[float, float], kind: str = "line") -> str:
    """Return a straight line of a class of the style sheet."""
    return (
        f'<line class="{kind}" x1="{start[0]:g}" y1="{start[1]:g}" '
        f'x2="{end[0]:g}" y2="{end[1]:g}"/>'
    )


def arrow(start: tuple[float, float], end: tuple[float, float], kind: str = "line") -> str:
    """Return a horizontal line with a head at its end."""
    back = 7 if end[0] >= start[0] else -7
    x, y = end
    head = f'<path class="head" d="M{x:g} {y:g}l{-back} -4v8z"/>'
    return line(start, (x - back / 2, y), kind) + head


def drawing(size: tuple[float, float], parts: list[str], label: str) -> str:
    """Return a drawing for a page; readers who do not see it hear the label.

    Raises:
        ValueError: The label is empty.
    """
    if not label:
        raise ValueError("a drawing needs a label: put %% accTitle: … into its source")
    return (
        f'<div class="diagram" tabindex="0" role="region" aria-label="{escape(label)}">'
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {size[0]:g} {size[1]:g}" '
        f'width="{size[0]:g}" height="{size[1]:g}">{"".join(parts)}</svg></div>'
    )
