import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.config.network import endpoint_url, host_name, is_ip, listen_address, split_listen
from tests.config.builders import steady


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),  # noqa: S104  # nothing is bound
        ("[::1]:9000", ("::1", 9000)),
        ("[::]:65535", ("::", 65535)),
        ("localhost:80", ("localhost", 80)),
        ("Gate-Way.example:80", ("Gate-Way.example", 80)),
    ],
)
def test_listening_addresses_are_split(text: str, expected: tuple[str, int]) -> None:
    """Host and port are separated, and brackets removed."""
    assert split_listen(text) == expected
    assert listen_address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", ":9000", "9000", "localhost", "localhost:", "localhost:65536", "localhost:-1"),
        *("localhost:+1", "localhost:٣", "localhost:000080", "::1:9000", "[::1]", "[127.0.0.1]:80"),
        *("[localhost]:80", "[]:80", "a b:80", "http://localhost:80", "1.2.3:80", "[::1:80"),
    ],
)
def test_other_listening_addresses_are_refused(text: str) -> None:
    """Host, port and the brackets of IPv6 are all needed."""
    with pytest.raises(ValueError, match="host:port"):
        listen_address(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://store:9000", "http://store:9000"),
        ("https://S3.Example.com/", "https://s3.example.com"),
        ("HTTPS://s3.example.com", "https://s3.example.com"),
        ("http://my_store:80", "http://my_store:80"),
        ("http://10.0.0.1", "http://10.0.0.1"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_endpoints_have_one_spelling(text: str, expected: str) -> None:
    """Scheme and host are in lower case, and a bare slash is dropped."""
    assert endpoint_url(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "store:9000", "//store", "ftp://store", "http://", "http:///", "http://store/path"),
        *(
            "http://store?",
            "http://store?a=b",
            "http://store#",
            "http://user@store",
            "http://@store",
        ),
        *("http://user:pw@store", "http://store:0", "http://store:", "http://store:99999"),
        *("http://store:x", "http://[::1", "http://[x]", "http://st ore", "http://st\nore"),
        *(
            "http://störe",
            "http://store/%2e",
            "http://store\\path",
            "http://-store",
            "http://1.2.3",
        ),
    ],
)
def test_other_endpoints_are_refused(text: str) -> None:
    """URLs with more or less than scheme, host and port are refused."""
    with pytest.raises(ValueError, match="http or https URL without path"):
        endpoint_url(text)


@pytest.mark.parametrize("text", ["localhost", "s3.example.com", "a" * 63, "s3-eu.example.com"])
def test_host_names_are_accepted(text: str) -> None:
    """A host name is labels with dots between them, in lower case."""
    assert host_name(text.upper()) == text


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.", ".a", "a..b", "a" * 64, "-a", "a-", "a b", "a:80", "10.0.0.1", "é", "a." * 200],
)
def test_other_host_names_are_refused(text: str) -> None:
    """Empty and long labels, ports and addresses are no host names."""
    with pytest.raises(ValueError, match="host name such as"):
        host_name(text)


def test_addresses_are_told_from_names() -> None:
    """Both families of addresses count, names do not."""
    assert [is_ip("10.0.0.1"), is_ip("::1"), is_ip("localhost")] == [True, True, False]


@steady
@given(st.text(max_size=60).map(lambda text: "http://" + text) | st.text(max_size=60))
def test_accepted_endpoints_stay_as_they_are(text: str) -> None:
    """Any text is refused with ValueError or becomes a spelling that is accepted unchanged."""
    try:
        spelled = endpoint_url(text)
    except ValueError:
        return
    assert spelled == endpoint_url(spelled)
