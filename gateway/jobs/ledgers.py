"""Summarize ledgers: what shadow policies would have saved, and why other uploads would stay."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from slimgate.codec.reasons import Reason
from slimgate.gateway.jobs.printable import printable

_MAX_LINE: Final = 1 << 16
_MAX_KINDS: Final = 1000
"""Most distinct policies and reasons: a damaged file must not exhaust memory."""

# Details of one upload follow: "cannot be decoded: OSError", "(exit code -9)", "20 s".
_PARTICULAR: Final = re.compile(r"[:(].*")
_TEXTS: Final[Mapping[str, str]] = {each.value: each.text for each in Reason}
_NUMBER: Final = re.compile(r"\d[\d.,]*")


@dataclass(slots=True)
class _Sum:
    uploads: int = 0
    small: int = 0
    uploaded: int = 0
    stored: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def summary(paths: list[Path]) -> str:
    """Summarize ledgers.

    Args:
        paths: The files, such as ``ledger.jsonl.1`` and ``ledger.jsonl``.

    Returns:
        Lines for a terminal: totals and classes of reasons by policy.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is not a ledger.
    """
    sums: dict[str, _Sum] = {}
    for path in paths:
        with path.open("rb") as file:
            _read(file, sums, path)
    return "".join(_told(name, each) for name, each in sorted(sums.items())) or "no uploads\n"


def _read(file: IO[bytes], sums: dict[str, _Sum], path: Path) -> None:
    while raw := file.readline(_MAX_LINE):
        if not raw.endswith(b"\n") and len(raw) < _MAX_LINE:
            return  # torn, or being written
        try:
            line = json.loads(raw)
            each = sums.setdefault(printable(line["policy"]), _Sum())
            reason = _reason(line.get("label"), line["reason"])
            _add(each, line["uploaded_bytes"] or 0, line["stored_bytes"] or 0, reason)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{path} is no ledger: byte {file.tell() - len(raw)}") from error
        if len(sums) > _MAX_KINDS:
            raise ValueError(f"{path} names more than {_MAX_KINDS} policies")


def _add(each: _Sum, uploaded: int, stored: int, reason: str | None) -> None:
    each.uploads += 1
    each.uploaded += uploaded
    each.stored += stored
    if reason is None:
        each.small += 1
    elif len(each.reasons) < _MAX_KINDS:
        each.reasons[printable(reason)] += 1


def _reason(label: str | None, reason: str | None) -> str | None:
    """Return the reason of a line without particulars; None: the image would be small."""
    if label is not None and label in _TEXTS:
        return _TEXTS[label]
    # Ledgers of earlier versions have no labels, those of later ones may have others.
    return None if reason is None else _class(reason)


def _class(reason: str) -> str:
    return _NUMBER.sub("…", _PARTICULAR.sub("", reason)).strip()


def _told(policy: str, each: _Sum) -> str:
    saved = 100 * (each.uploaded - each.stored) / each.uploaded if each.uploaded else 0.0
    bytes_ = f"{each.uploaded:,} bytes become {each.stored:,} ({saved:.1f} % saved)"
    lines = [f"{policy}: {each.uploads:,} uploads, {each.small:,} would be small: {bytes_}"]
    lines += [f"  {count:>9,}  {reason}" for reason, count in each.reasons.most_common()]
    return "\n".join(lines) + "\n"
