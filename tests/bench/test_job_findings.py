import pytest

from bench.job_findings import Findings, judged
from tests.servers.faulty import Passed


def _put(if_match: str, etag: str) -> Passed:
    return Passed("PUT", "/photos/a.png", "", if_match, 200, etag, injected=False)


def _get(*, injected: bool = False) -> Passed:
    return Passed("GET", "/photos/a.png", "", "", 503 if injected else 200, "", injected)


@pytest.mark.parametrize(
    ("passed", "uploads", "stored", "wrong"),
    [
        ([_put("u1", "r1")], ["u1"], "r1", None),
        ([_put("u1", "r1"), _put("u2", "r2")], ["u1", "u2"], "r2", None),
        ([_put("u1", "r1")], ["u1"], None, "lost"),
        ([_put("u1", "r1"), _put("u1", "r1")], ["u1"], "r1", "an upload has several renditions"),
        (
            [_put("u1", "r1"), _put("r1", "r2")],
            ["u1"],
            "r2",
            "a rendition was replaced by another one",
        ),
        ([], ["u1"], "u1", "neither the last upload nor its rendition"),
        (
            [_put("u1", "r1")],
            ["u1", "u2"],
            "r1",
            "neither the last upload nor its rendition",
        ),
    ],
)
def test_an_object_is_judged_by_its_writes(
    passed: list[Passed], uploads: list[str], stored: str | None, wrong: str | None
) -> None:
    """Only the one rendition of the last upload is right."""
    after = {} if stored is None else {"a.png": stored}
    found = judged(passed, "photos", {"a.png": uploads}, after)
    assert found == (Findings(managed=1) if wrong is None else Findings(wrong={"a.png": wrong}))


def test_a_later_upload_is_left_alone() -> None:
    """An object that another client wrote after the job is that client's."""
    found = judged([_put("u1", "r1")], "photos", {"a.png": ["u1", "u2"]}, {"a.png": "u2"})
    assert found == Findings(theirs=1)


@pytest.mark.parametrize(
    ("passed", "uploads", "cause"),
    [
        ([_get(), _get(), _put("u1", "r1")], ["u1"], "in flight at a kill"),
        ([_get(), _get(injected=True), _get(), _put("u1", "r1")], ["u1"], "after 503"),
        ([_get(), _get(), _put("u2", "r2")], ["u1", "u2"], "after another client wrote it"),
    ],
)
def test_repeats_have_a_cause(passed: list[Passed], uploads: list[str], cause: str) -> None:
    """What was read once more is counted under what has happened to the object."""
    found = judged(passed, "photos", {"a.png": uploads}, {"a.png": passed[-1].etag})
    assert found.repeats == {cause: 1}
