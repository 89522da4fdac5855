"""Nothing that works directly stops working through the gateway, and nothing looks different."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any, Final

import pytest
from botocore import UNSIGNED

from tests.e2e.differential.accepted import unexpected
from tests.e2e.differential.compare import differences, run
from tests.e2e.differential.scenarios import EVERYTHING, WITH_POLICY
from tests.servers.clients import s3_client
from tests.servers.server import S3Server

_numbers: Final = count(10_000)

Clients = dict[str, Any]


def _clients(server: S3Server, stack: ExitStack) -> Clients:
    options: dict[str, Any] = {
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    users = dict(zip(("main", "alt"), server.users, strict=True))
    clients = {
        name: stack.enter_context(s3_client(server, keys, **options))
        for name, keys in users.items()
    }
    nobody = s3_client(server, signature_version=UNSIGNED, **options)
    return {**clients, "nobody": stack.enter_context(nobody)}


@pytest.fixture(scope="session")
def both(upstream: S3Server, gateway: S3Server) -> Iterator[tuple[Clients, Clients]]:
    """Return the clients of the upstream and those of the gateway."""
    with ExitStack() as stack:
        yield _clients(upstream, stack), _clients(gateway, stack)


@pytest.mark.parametrize("name", EVERYTHING)
def test_looks_the_same(
    upstream: S3Server, gateway: S3Server, both: tuple[Clients, Clients], name: str
) -> None:
    """A client sees the same, directly and through the gateway, with a policy and without."""
    directly, through = both
    number, owner = next(_numbers), directly["main"]
    expected = run(EVERYTHING[name], upstream, directly, owner, f"simple-{number}d")
    buckets = [f"simple-{number}g"] + [f"photos-{number}p"] * (name in WITH_POLICY)
    for bucket in buckets:
        actual = run(EVERYTHING[name], gateway, through, owner, bucket)
        found = differences(expected, actual)
        assert unexpected(name, found, is_moto=upstream.is_moto) == {}
