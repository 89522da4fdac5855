import pytest
from multidict import CIMultiDict

from slimgate.codec.optimize import Refused
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.access_control import Acl, read_acl
from slimgate.gateway.storage.metadata import _grants, repeated

_ME, _ALL = "<ID>me</ID>", "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>"


def _acl(*grants: tuple[str, str]) -> Acl:
    inner = "".join(
        f"<Grant><Grantee>{grantee}</Grantee><Permission>{permission}</Permission></Grant>"
        for grantee, permission in grants
    )
    owner = f"<Owner>{_ME}</Owner>"
    text = f"<AccessControlPolicy>{owner}<AccessControlList>{inner}</AccessControlList>"
    return read_acl(s3xml.parse(f"{text}</AccessControlPolicy>".encode()))


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ([(_ME, "FULL_CONTROL")], {}),
        (
            [(_ME, "FULL_CONTROL"), (_ALL, "READ"), ("<ID>you</ID>", "READ")],
            {
                "x-amz-grant-full-control": 'id="me"',
                "x-amz-grant-read": (
                    'uri="http://acs.amazonaws.com/groups/global/AllUsers", id="you"'
                ),
            },
        ),
        # Somebody else has everything, and the owner nothing: that is not the default.
        ([("<ID>you</ID>", "FULL_CONTROL")], {"x-amz-grant-full-control": 'id="you"'}),
        ([(_ME, "READ_ACP")], {"x-amz-grant-read-acp": 'id="me"'}),
        ([], {}),
    ],
)
def test_grants_are_said_again(grants: list[tuple[str, str]], expected: dict[str, str]) -> None:
    """A private object needs no word; all other grants are repeated."""
    assert _grants(_acl(*grants)) == expected


@pytest.mark.parametrize(
    "grant",
    [
        (_ME, "WRITE"),
        ("<EmailAddress>a@b</EmailAddress>", "READ"),
        ('<ID>a"b</ID>', "READ"),
        ("<ID>a&#13;b</ID>", "READ"),
        ("", "READ"),
    ],
)
def test_what_cannot_be_said_stays(grant: tuple[str, str]) -> None:
    """An object with a grant that no header can say is not touched."""
    with pytest.raises(Refused, match="shared"):
        _grants(_acl(grant))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("Content-Encoding", "gzip"),
        ("x-amz-storage-class", "DEEP_ARCHIVE"),
        ("x-amz-missing-meta", "1"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
    ],
)
def test_some_objects_are_not_ours_to_change(name: str, value: str) -> None:
    """Locked, encoded, archived and otherwise special objects stay as they are."""
    said = CIMultiDict({"ETag": '"e"', "Content-Type": "image/jpeg", name: value})
    with pytest.raises(Refused):
        repeated(said)


def test_everything_else_is_said_again() -> None:
    """Metadata, content headers and storage class are repeated, the manifest is not."""
    kept = {
        "Content-Type": "image/jpeg", "Cache-Control": "no-store", "x-amz-meta-a": "1",
        "x-amz-storage-class": "STANDARD_IA", "x-amz-website-redirect-location": "/b",
    }  # fmt: skip
    told = {**kept, "ETag": '"e"', "Last-Modified": "now", "x-amz-meta-slimgate": "{}"}
    assert kept == dict(repeated(CIMultiDict(told)))
