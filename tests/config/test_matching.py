import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.config.matching import Policies, shadowed
from slimgate.config.policy import Policy
from tests.config.builders import policy, steady


def policies(*rules: tuple[str, str]) -> list[Policy]:
    """Return one policy per pair of bucket glob and prefix, named by position."""
    return [
        Policy.model_validate(policy(name=f"p{index}", bucket=bucket, prefix=prefix))
        for index, (bucket, prefix) in enumerate(rules)
    ]


RULES = Policies(
    policies(
        ("photos-*", "uploads/"),
        ("photos-eu", ""),
        ("scan?", "été/"),
        ("[ab]-archive", ""),
        ("[!xy]z", ""),
    )
)


@pytest.mark.parametrize(
    ("bucket", "key", "expected"),
    [
        ("photos-eu", "uploads/a.jpg", "p0"),
        ("photos-eu", "Uploads/a.jpg", "p1"),
        ("photos-eu", "", "p1"),
        ("photos-us", "uploads/a.jpg", "p0"),
        ("photos-us", "other/a.jpg", None),
        ("photos-", "uploads/", "p0"),
        ("photos", "uploads/a", None),
        ("Photos-eu", "uploads/a", None),
        ("my-photos-eu", "uploads/a", None),
        ("photos-eu\n", "a", None),
        ("scan1", "été/1", "p2"),
        ("scan12", "été/1", None),
        ("scan", "été/1", None),
        ("a-archive", "x", "p3"),
        ("c-archive", "x", None),
        ("az", "x", "p4"),
        ("xz", "x", None),
        ("photos-" + "a" * 56, "uploads/a", "p0"),
        ("photos-" + "a" * 57, "uploads/a", None),
        ("", "", None),
    ],
)
def test_the_first_policy_that_fits_is_found(bucket: str, key: str, expected: str | None) -> None:
    """Glob and prefix both fit, case counts, and the order of the file decides."""
    found = RULES.match(bucket, key)
    assert (found.name if found else None) == expected


@pytest.mark.parametrize(
    ("bucket", "expected"),
    [("photos-us", True), ("scan1", True), ("photos", False), ("photos-" + "a" * 57, False)],
)
def test_a_bucket_is_named_whatever_the_prefix(bucket: str, expected: bool) -> None:
    """A bucket counts as named when any glob fits it."""
    assert RULES.names_bucket(bucket) == expected


def test_a_policy_that_is_off_is_found() -> None:
    """Mode off excludes objects from later policies, so the match must not skip it."""
    off = Policy.model_validate(policy(mode="off"))
    rules = Policies([off])
    assert off == rules.match("photos-eu", "a")
    assert rules.names_bucket("photos-eu")


def test_policies_are_a_sequence_of_policies() -> None:
    """Length and order are those of the configuration."""
    given_policies = policies(("a", ""), ("b", ""))
    assert given_policies == list(Policies(given_policies))
    assert len(Policies(given_policies)) == 2
    assert Policies(()).match("a", "b") is None


def test_whoever_holds_policies_sees_those_that_replace_them() -> None:
    """A reload changes what is matched from then on."""
    held = policies_in_force = Policies(policies(("a", "")))
    policies_in_force.replace(policies(("b", "")))
    assert [policy.bucket for policy in held] == ["b"]
    assert held.match("a", "k") is None


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([("a", ""), ("a", "")], [(1, 0)]),
        ([("a", "x"), ("a", "x/y")], [(1, 0)]),
        ([("a", "x/y"), ("a", "x")], []),
        ([("a", "x"), ("a", "y")], []),
        ([("a", ""), ("b", "")], []),
        ([("*", ""), ("b", "")], []),
        ([("a", "x"), ("b", ""), ("a", "xy"), ("a", "xyz")], [(2, 0), (3, 0)]),
    ],
)
def test_policies_that_never_match_are_found(rules: Any, expected: Any) -> None:
    """A later policy is shadowed when an earlier one has its glob and begins its prefix."""
    assert list(shadowed(policies(*rules))) == expected


_GLOBS = st.from_regex(r"[A-Za-z0-9._*?\[\]!-]{1,20}", fullmatch=True)
_BUCKETS = st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True)


@steady
@given(_GLOBS, _BUCKETS)
def test_globs_are_those_of_fnmatch(glob: str, bucket: str) -> None:
    """Every accepted glob can be translated and matches what fnmatch says."""
    rules = Policies(policies((glob, "")))
    assert fnmatch.fnmatchcase(bucket, glob) == rules.names_bucket(bucket)


@steady
@given(_BUCKETS)
def test_a_name_matches_itself_alone(bucket: str) -> None:
    """A glob without wildcards names one bucket."""
    rules = Policies(policies((bucket, "")))
    assert rules.names_bucket(bucket)
    assert not rules.names_bucket(bucket + "x")


def test_many_stars_do_not_backtrack() -> None:
    """The worst glob against the worst bucket is decided at once."""
    rules = Policies(policies(("*a" * 64, "")))
    assert not rules.names_bucket("a" * 62 + "b")
