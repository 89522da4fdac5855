import re
from pathlib import Path

import pytest

import gateway
from codec.optimize import Refused
from gateway.telemetry import metrics


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (str(Refused("nothing smaller holds the floor (below floor)")), "floor"),
        ("not an image of a type that the policy names", "type"),
        ("empty, or larger than the policy allows", "size"),
        ("too many uploads at once", "busy"),
        ("the queue is full: 64 images are waiting", "busy"),
        ("stopped after 120 s of wall-clock time", "timeout"),
        ("the worker process died (exit code -9)", "worker lost"),
        ("its original cannot be kept: answered with 403", "escrow"),
        ("has to come back byte for byte (Cache-Control says no-transform): x", "byte exact"),
        ("interlaced", "unhandled"),
    ],
)
def test_reasons_are_sorted_into_few_classes(reason: str, expected: str) -> None:
    """Numbers and names in a reason make no time series."""
    assert expected == metrics.reason_class(reason)


def test_every_beginning_is_one_that_is_said() -> None:
    """The classes follow the texts: each beginning stands somewhere in the program."""
    folders = [Path(gateway.__file__).parent, Path(gateway.__file__).parents[1] / "codec"]
    texts = [path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py")]
    said = "\n".join(text for text in texts if "_REASONS: Final = (" not in text)
    missing = [begin for begin, _ in metrics._REASONS if not re.search(f'"{begin}', said)]
    assert [] == missing
