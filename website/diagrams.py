"""Replace the diagrams of documents, written for Mermaid, by drawings.

Hosts of repositories draw them with a script of 3 MB. The site draws them when it is built, and
loads none. Each has a line ``accTitle: …`` that says what it shows.
"""

import re
from typing import Final

from website import flowchart
from website.sequence import Sequence

_BLOCK: Final = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE: Final = re.compile(r"^\s*accTitle: (.+)\n", re.MULTILINE)


def drawn(text: str) -> str:
    """Return a document with drawings in place of its diagrams.

    Raises:
        ValueError: A diagram has no ``accTitle``, or uses what cannot be drawn.
    """
    return _BLOCK.sub(lambda found: _drawing(found[1]), text)


def _drawing(source: str) -> str:
    found = _TITLE.search(source)
    label = found[1] if found else ""
    kind, _, rest = _TITLE.sub("", source).partition("\n")
    match kind.split():
        case ["sequenceDiagram"]:
            return Sequence(rest, label).drawn()
        case ["flowchart", "LR"]:
            return flowchart.flowchart(rest, label)
        case ["block-beta"]:
            return flowchart.blocks(rest, label)
    raise ValueError(f"not a kind of diagram that can be drawn: {kind}")
