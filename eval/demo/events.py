"""Read the gateway's log as a person would: one line per object."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

_Event = Mapping[str, Any]


def readable(line: str) -> str | None:
    """Put one line of the log into words.

    Args:
        line: A JSON object, or whatever else a program writes to standard error.

    Returns:
        One printable line; None for what nobody waits for. Names of objects come from clients:
        what would move the cursor is replaced.
    """
    try:
        event = json.loads(line)
        if not isinstance(event, dict):
            return printable(line)
        tell = _TOLD.get(str(event.get("event")))
        if tell is not None:
            return printable(tell(event))
    except (ValueError, TypeError, KeyError, RecursionError):
        # An event that is not as expected is shown as it came, rather than not at all.
        return printable(line)
    return None if event.get("level") == "info" else printable(line)


def printable(text: str) -> str:
    """Replace control characters, so that a name cannot command a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _optimized(event: _Event) -> str:
    uploaded, stored = int(event["uploaded_bytes"]), int(event["stored_bytes"])
    saved = 100 * (1 - stored / uploaded) if uploaded else 0.0
    return (
        f"PUT {_name(event)}  {event['tier']}, {uploaded:,} bytes stored as {stored:,}: "
        f"saved {saved:.1f} % (PSNR {event['psnr_db']} dB, SSIM {event['ssim']})"
    )


def _plain(event: _Event) -> str:
    return f"PUT {_name(event)}  stored as uploaded: {event['reason']}"


def _restored(event: _Event) -> str:
    return (
        f"GET {_name(event)}  {event['tier']}, {int(event['stored_bytes']):,} bytes restored to "
        f"{int(event['served_bytes']):,} in {1e3 * float(event['seconds']):.0f} ms"
    )


def _refused(event: _Event) -> str:
    return f"{event['method']} refused: {event['code']}"


def _name(event: _Event) -> str:
    return f"{event['bucket']}/{event['key']}"


_TOLD: Final[Mapping[str, Callable[[_Event], str]]] = {
    "optimized": _optimized,
    "stored as uploaded": _plain,
    "restored": _restored,
    "refused": _refused,
}
