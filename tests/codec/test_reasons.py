"""Tests of the reasons why images stay as they are."""

import pickle
import re
from pathlib import Path

import pytest

from slimgate import codec
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.search.omissions import Omission
from slimgate.codec.search.verdicts import Verdict

_ROOT = Path(codec.__file__).parents[1]
_SOURCES = [
    path
    for package in ("codec", "gateway")
    for path in (_ROOT / package).rglob("*.py")
    if path.name not in {"reasons.py", "verdicts.py", "omissions.py"}
]


@pytest.mark.parametrize(
    ("refused", "label", "text"),
    [
        (
            Refused(Reason.TYPE),
            "type",
            "not an image of a type that the policy names",
        ),
        (Refused(Reason.UNSUPPORTED, "interlaced"), "unsupported", "interlaced"),
        (
            Refused(Reason.FLOOR, "below floor, too big"),
            "floor",
            "nothing smaller holds the floor (below floor, too big)",
        ),
        (
            Refused(Reason.TIMEOUT, "120 s of wall-clock time"),
            "timeout",
            "stopped after 120 s of wall-clock time",
        ),
        (
            Refused(Reason.WORKER_LOST, "process died (exit code -9)"),
            "worker lost",
            "the worker process died (exit code -9)",
        ),
        (
            Refused(Reason.ESCROW, "answered with 403"),
            "escrow",
            "its original cannot be kept: answered with 403",
        ),
        (
            Refused(Reason.BYTE_EXACT, "(Cache-Control says no-transform): x"),
            "byte exact",
            "has to come back byte for byte (Cache-Control says no-transform): x",
        ),
        (Refused(Reason.DAMAGED, "{0} {}"), "damaged", "cannot be decoded: {0} {}"),
    ],
)
def test_particulars_stand_beside_the_label(refused: Refused, label: str, text: str) -> None:
    """The label is the same whatever the particulars are; the text has both."""
    assert (refused.reason.value, str(refused)) == (label, text)


@pytest.mark.parametrize("reason", Reason)
def test_refusals_cross_processes(reason: Reason) -> None:
    """A refusal keeps its reason, its particulars and its notes in another process."""
    refused = Refused(reason, "a detail")
    refused.add_note("where it came from")
    there = pickle.loads(pickle.dumps(refused))  # noqa: S301  # our own object, there and back
    assert there.reason is reason
    assert (there.detail, str(there), there.trials) == ("a detail", str(refused), ())
    assert there.__notes__ == ["where it came from"]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_text_and_advice(reason: Reason) -> None:
    """People read a phrase and what to do; labels are words that dashboards can show."""
    assert re.fullmatch(r"[a-z ]{3,22}", reason)
    assert re.fullmatch(r"[^{}]+[^{}.]", reason.text)
    assert re.fullmatch(r"[A-Z][^{}]+\.", reason.advice)
    assert reason.wording.count("{}") == bool(reason.wording)


@pytest.mark.parametrize("member", [*Reason, *Verdict, *Omission], ids=lambda member: member.name)
def test_every_member_is_used(member: Reason | Verdict | Omission) -> None:
    """No reason or verdict is left over that nothing gives."""
    name = f"{type(member).__name__}.{member.name}"
    uses = re.compile(rf"\b{re.escape(name)}\b")
    assert any(uses.search(path.read_text("utf-8")) for path in _SOURCES)
