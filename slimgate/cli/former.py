"""Commands of earlier versions."""

from collections.abc import Sequence
from typing import Final

NAMES: Final = ("optimize", "drain", "verify")
"""Commands that are actions of jobs now."""

_OF_ORIGINALS: Final = frozenset({"--access-key", "--config", "--dry-run", "--uploaded-as"})
"""Options by which ``restore`` of an earlier version is known: it put originals back."""


def instead(words: Sequence[str]) -> str | None:
    """Return what to type instead of a command line of an earlier version; None for others.

    Args:
        words: Its name and its arguments.
    """
    name = words[0]
    if name == "restore" and not _OF_ORIGINALS.isdisjoint(each.split("=")[0] for each in words):
        return "to put kept originals back: slimgate restore-original"
    if name not in NAMES:
        return None
    bucket = next((word for word in words if word.startswith("s3://")), "s3://BUCKET/PREFIX")
    all_keys = "" if name == "optimize" else " --all-keys"
    return (
        f"{name} is an action of jobs now, which keep their state in a bucket:\n"
        f"  slimgate job plan {bucket} --to s3://BUCKET/JOB{all_keys}\n"
        f"  slimgate job run s3://BUCKET/JOB --do {name}\n"
        "To go on after an interruption, repeat job run; instead of --log there is job report."
    )
