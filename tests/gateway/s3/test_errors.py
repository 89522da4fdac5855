import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3.errors import S3Error, known_codes


def _fields(error: S3Error, resource: str = "/b/k", request_id: str = "1") -> dict[str, str]:
    root = ElementTree.fromstring(error.to_xml(resource=resource, request_id=request_id))
    assert root.tag == "Error"
    return {child.tag: child.text or "" for child in root}


@pytest.mark.parametrize("code", sorted(known_codes()))
def test_every_code_renders_its_sentence(code: str) -> None:
    """Each code of the table becomes well-formed XML with a message and an error status."""
    error = S3Error(code)
    expected = {"Code": code, "Message": error.message, "Resource": "/b/k", "RequestId": "1"}
    assert _fields(error) == expected
    assert error.message
    assert 400 <= error.status < 600


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_hostile_text_stays_text(resource: str, message: str, request_id: str) -> None:
    """Any client text comes back as text, without characters that XML cannot hold."""

    def printable(text: str) -> str:
        return "".join(char for char in text if char.isprintable())

    fields = _fields(S3Error("InvalidArgument", message), resource, request_id)
    assert printable(resource) == fields["Resource"]
    assert printable(message or "Invalid Argument") == fields["Message"]
    assert printable(request_id) == fields["RequestId"]


@pytest.mark.parametrize("text", ["</Resource><Code>x</Code>", "&lt;]]>", "\ud800\x00\ufffe", '"'])
def test_markup_and_unencodable_text(text: str) -> None:
    """Markup, lone surrogates and control characters in a path break nothing."""
    expected = {"Code", "Message", "Resource", "RequestId"}
    assert _fields(S3Error("AccessDenied"), text).keys() == expected


def test_unknown_code_is_a_programming_error() -> None:
    """A code outside the table raises at once."""
    with pytest.raises(KeyError):
        S3Error("NoSuchCode")


@pytest.mark.parametrize(("code", "expected"), [("SlowDown", "1"), ("AccessDenied", None)])
def test_retry_after(code: str, expected: str | None) -> None:
    """Only transient errors have Retry-After."""
    assert S3Error(code).headers.get("Retry-After") == expected
