import pytest

from slimgate.config import Policies, Upstream
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.credentials.by_policy import ByPolicy
from slimgate.gateway.storage.credentials.registry import CredentialRegistry
from tests.config.builders import policy, settings

_OWN = Identity("own", "secret")


def _by_policy() -> ByPolicy:
    names = (
        ("inner", "bucket-a", "in/er/"),
        ("outer", "bucket-a", "in/"),
        ("all", "bucket-b", ""),
        ("none", "bucket-c", ""),
    )
    made = settings(
        policies=[
            policy(name=name, bucket=bucket, prefix=prefix, mode="off")
            | ({} if name == "none" else {"upstream": {"access_key": name, "secret_key": "s"}})
            for name, bucket, prefix in names
        ]
    )
    registry = CredentialRegistry(Upstream(endpoint="http://127.0.0.1:9"))
    return ByPolicy(_OWN, Policies(made.policies), registry.source)


@pytest.mark.parametrize(
    ("bucket", "key", "query", "name"),
    [
        ("bucket-a", "in/er/k", "", "inner"),
        ("bucket-a", "in/k", "versionId=1", "outer"),
        ("bucket-a", "k", "", "own"),
        ("bucket-a", "", "", "own"),
        ("bucket-a", "", "list-type=2&prefix=in%2Fer%2F", "inner"),
        ("bucket-a", "", "prefix=in/e", "outer"),
        ("bucket-a", "", "prefix=i", "own"),
        ("bucket-a", "", "prefix=in/&prefix=x", "own"),
        ("bucket-a", "k", "prefix=in/", "own"),
        ("bucket-a", "", "policy&prefix=in/", "own"),
        ("bucket-a", "", "versions&prefix=in/", "outer"),
        ("bucket-b", "k", "", "all"),
        ("bucket-b", "", "acl", "all"),
        ("bucket-c", "k", "", "own"),
        ("", "", "", "own"),
    ],
)
async def test_a_policy_decides_who_signs(bucket: str, key: str, query: str, name: str) -> None:
    """Objects and listings of a prefix are signed as their policy says, others by the caller."""
    source = _by_policy().for_request(key_target(bucket, key), query)
    assert (await source.current()).access_key == name


async def test_without_such_policies_the_caller_signs() -> None:
    """Where no policy names credentials, the caller's own are used."""
    own = ByPolicy(_OWN, Policies(()), lambda _: _OWN)
    assert own.for_request(key_target("bucket-a", "k"), "") is _OWN
    assert not own.depends_on_keys
    assert _by_policy().depends_on_keys


async def test_equal_credentials_are_obtained_once() -> None:
    """Two policies with the same role share its credentials; another role has others."""
    registry = CredentialRegistry(Upstream(endpoint="http://127.0.0.1:9"))
    role = {"role_arn": "arn:aws:iam::123456789012:role/x"}
    first, same, other = settings(
        policies=[
            policy(name="a", bucket="a", upstream=role),
            policy(name="b", bucket="b", upstream=role),
            policy(name="c", bucket="c", upstream={**role, "external_id": "id"}),
        ]
    ).policies
    sources = [registry.source(each.upstream) for each in (first, same, other) if each.upstream]
    assert sources[0] is sources[1]
    assert sources[0] is not sources[2]
