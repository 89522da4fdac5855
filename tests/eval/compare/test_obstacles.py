from typing import Any

from slimgate.eval.compare.obstacles import ObstacleSummary, obstacles
from slimgate.eval.compare.rows import Row
from slimgate.eval.compare.strategies import POLICY


def _row(image: str, uploaded: int, stored: int, **fields: Any) -> Row:
    return Row(image, "", POLICY, uploaded, stored, **fields)


def test_bytes_are_summed_by_obstacle() -> None:
    """Files are grouped by what kept them back; what holds with loss is in no group."""
    rows = [
        _row("a", 100, 80, tier="exact", obstacle="a gain map", could=20),
        _row("b", 300, 250, tier="exact", obstacle="a gain map"),
        _row("c", 200, 200, obstacle="a gain map", note="a gain map, in vain", could=50),
        _row("d", 50, 50, note="larger than max_bytes"),
        _row("e", 999, 9, tier="recode"),
        _row("f", 70, 60, tier="exact"),
        _row("g", 500, 500, problem="empty"),
    ]
    assert obstacles(rows) == [
        ObstacleSummary("empty", {"plain": 1}, 1, 500, 500, 0, None, "g", True),
        ObstacleSummary("a gain map", {"exact": 2}, 2, 400, 330, 1, 60, "b", False),
        ObstacleSummary("a gain map", {"plain": 1}, 1, 200, 200, 1, 150, "c", False),
        ObstacleSummary("larger than max_bytes", {"plain": 1}, 1, 50, 50, 0, None, "d", False),
    ]


def test_nothing_is_kept_back() -> None:
    """Where everything is stored with loss, there is no obstacle."""
    assert obstacles([_row("e", 999, 9, tier="recode")]) == []
