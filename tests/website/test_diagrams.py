import re
from xml.etree import ElementTree

import pytest

from tests import documents
from website import diagrams


def _labels(drawing: str) -> list[str]:
    svg = re.search(r"<svg.*</svg>", drawing, re.DOTALL)
    assert svg is not None
    root = ElementTree.fromstring(svg[0])  # noqa: S314  # our own drawing
    return [" ".join(line.text or "" for line in text) for text in root.iter("text")]


def test_every_diagram_of_the_architecture_is_drawn() -> None:
    """The site needs no script: what hosts draw by one is there as SVG with the same words."""
    text = documents.text("ARCHITECTURE.md")
    drawn = diagrams.drawn(text)
    assert "```mermaid" not in drawn
    assert drawn.count("<svg") == text.count("```mermaid") == 4
    assert "GET photo.jpg" in _labels(drawn.partition("## A GET")[2])


def test_a_flowchart_has_its_nodes_and_words_of_edges() -> None:
    """A label in two lines is two lines."""
    source = 'flowchart LR\n accTitle: Two\n a(["A"]) <-->|"goes to"| b["B<br/>too"]\n'
    assert _labels(diagrams.drawn(f"```mermaid\n{source}```\n")) == ["goes to", "A", "B too"]


@pytest.mark.parametrize(
    "source",
    [
        "sequenceDiagram\n participant A as A\n A->>A: no title\n",
        "sequenceDiagram\n accTitle: A loop\n participant A as A\n loop forever\n",
        "flowchart LR\n accTitle: An arrow\n a --> b\n",
        "pie\n accTitle: A pie\n",
    ],
)
def test_what_cannot_be_drawn_ends_the_build(source: str) -> None:
    """Nothing is left out in silence, and no drawing is without words for who cannot see it."""
    with pytest.raises(ValueError, match=r"drawn|label"):
        diagrams.drawn(f"```mermaid\n{source}```\n")
