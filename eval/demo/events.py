"""Format events of the gateway's log for people: one line per object."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

_Event = Mapping[str, Any]


def readable(line: str) -> str | None:
    """Format one line of the log.

    Args:
        line: a JSON object, or any other output on standard error.

    Returns:
        One printable line; None for events of no interest. Object names come from clients, so
        control characters are replaced.
    """
    try:
        event = json.loads(line)
        if not isinstance(event, dict):
            return printable(line)
        tell = _FORMATTERS.get(str(event.get("event")))
        if tell is not None:
            return printable(tell(event))
    except (ValueError, TypeError, KeyError, RecursionError):
        # Show unexpected events as they are rather than drop them.
        return printable(line)
    return None if event.get("level") == "info" else printable(line)


def printable(text: str) -> str:
    """Replace control characters, so that a name cannot control a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _optimized(event: _Event) -> str:
    uploaded, stored = int(event["uploaded_bytes"]), int(event["stored_bytes"])
    saved = 100 * (1 - stored / uploaded) if uploaded else 0.0
    return (
        f"PUT {_name(event)}  {event['tier']}, {uploaded:,} bytes stored as {stored:,}: "
        f"saved {saved:.1f} %{_score(event)}"
    )


def _score(event: _Event) -> str:
    """Return the fidelity of the served file: its score, where one was measured."""
    score = event.get("ssimulacra2")
    if score is not None:
        return f" (SSIMULACRA2 {score})"
    return f" (PSNR {event['psnr_db']} dB, SSIM {event['ssim']})"


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


_FORMATTERS: Final[Mapping[str, Callable[[_Event], str]]] = {
    "optimized": _optimized,
    "stored as uploaded": _plain,
    "restored": _restored,
    "refused": _refused,
}
