"""Run scenarios in several labs, and compare the results."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from tests.e2e.differential.lab import Lab, Scenario
from tests.e2e.differential.normal import flat
from tests.servers.server import S3Server

_ABSENT: Final = "(absent)"
_LEFT_OVER: Final = frozenset({"AccessDenied", "BucketNotEmpty", "NoSuchBucket"})


class Difference(NamedTuple):
    """What stands in one place directly, and what through the gateway."""

    was: str
    became: str


def differences(expected: Mapping[str, str], actual: Mapping[str, str]) -> dict[str, Difference]:
    """Tell where two runs of a scenario differ, and how."""
    both = {
        place: Difference(expected.get(place, _ABSENT), actual.get(place, _ABSENT))
        for place in sorted(expected.keys() | actual.keys())
    }
    return {place: each for place, each in both.items() if each.was != each.became}


def run(
    scenario: Scenario, server: S3Server, clients: Mapping[str, Any], owner: Any, bucket: str
) -> dict[str, str]:
    """Run a scenario in a bucket of its own.

    Args:
        scenario: The steps.
        server: The server under test.
        clients: Clients of it.
        owner: A client that makes the bucket beforehand and clears it away.
        bucket: Its name.

    Returns:
        What came of it, as :func:`flat` writes it.
    """
    lab = Lab(server, clients, bucket)
    with _bucket(owner, bucket):
        for step in scenario:
            step(lab)
        return flat(lab)


@contextmanager
def _bucket(owner: Any, name: str) -> Iterator[None]:
    owner.create_bucket(Bucket=name)
    try:
        yield
    finally:
        try:
            _clear(owner, name)
        except ClientError as error:
            # What is locked or in parts stays; the server is thrown away in the end.
            if error.response["Error"]["Code"] not in _LEFT_OVER:
                raise


def _clear(owner: Any, bucket: str) -> None:
    page = owner.list_object_versions(Bucket=bucket)
    entries = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
    objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
    if objects:
        owner.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    owner.delete_bucket(Bucket=bucket)
