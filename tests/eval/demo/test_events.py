import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.eval.demo import events

OPTIMIZED = {
    "event": "optimized",
    "bucket": "photos",
    "key": "cat.jpg",
    "tier": "recode",
    "uploaded_bytes": 10_000,
    "stored_bytes": 2_500,
    "psnr_db": 34.6,
    "ssim": 0.96,
    "level": "info",
}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            OPTIMIZED,
            (
                "PUT photos/cat.jpg  recode, 10,000 bytes stored as 2,500: saved 75.0 % "
                "(PSNR 34.6 dB, SSIM 0.96)"
            ),
        ),
        (
            {**OPTIMIZED, "ssimulacra2": 71.3},
            (
                "PUT photos/cat.jpg  recode, 10,000 bytes stored as 2,500: saved 75.0 % "
                "(SSIMULACRA2 71.3)"
            ),
        ),
        (
            {"event": "stored as uploaded", "bucket": "b", "key": "k", "reason": "animated"},
            "PUT b/k  stored as uploaded: animated",
        ),
        (
            {
                "event": "restored",
                "bucket": "b",
                "key": "k",
                "tier": "recode",
                "stored_bytes": 2500,
                "served_bytes": 10000,
                "seconds": 0.0154,
            },
            "GET b/k  recode, 2,500 bytes restored to 10,000 in 15 ms",
        ),
        ({"event": "refused", "method": "GET", "code": "NoSuchKey"}, "GET refused: NoSuchKey"),
        ({"event": "policies reloaded", "level": "info"}, None),
    ],
)
def test_events_in_words(event: dict[str, Any], expected: str | None) -> None:
    """Each event about an object becomes one line; others are dropped."""
    assert events.readable(json.dumps(event)) == expected


def test_errors_are_shown_as_they_came() -> None:
    """An event of a higher level is never kept back."""
    line = '{"event": "not restored", "level": "error"}'
    assert line == events.readable(line)


@pytest.mark.parametrize("missing", sorted({*OPTIMIZED} - {"event", "level"}))
def test_incomplete_events_are_shown_as_they_came(missing: str) -> None:
    """An event without what it should say is shown whole rather than dropped."""
    line = json.dumps({name: value for name, value in OPTIMIZED.items() if name != missing})
    assert line == events.readable(line)


@given(st.text())
def test_names_cannot_command_the_terminal(key: str) -> None:
    """Any object name yields one printable line."""
    told = events.readable(json.dumps({**OPTIMIZED, "key": key}))
    assert told is not None
    assert told.isprintable()


@given(st.text())
def test_any_line_is_read(line: str) -> None:
    """No line of a log stops the reader."""
    told = events.readable(line)
    assert told is None or told.isprintable()
