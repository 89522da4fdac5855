import pytest

from slimgate.gateway.http.client_addresses import ClientAddresses

_PROXIES = ("10.0.0.0/8", "192.0.2.7/32", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        (("198.51.100.4", 1234), "198.51.100.4"),
        (("::ffff:198.51.100.4", 1234, 0, 0), "198.51.100.4"),
        (("2001:db8:1:2:3:4:5:6", 1234, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1234, 0, 2), "fe80::/64"),
        (("127.0.0.1", 1), "127.0.0.1"),
        (("10.1.2.3", 1234), None),
        (("::ffff:10.1.2.3", 1234, 0, 0), None),
        (("192.0.2.7", 1234), None),
        (("192.0.2.8", 1234), "192.0.2.8"),
        (("fd12::1", 1234, 0, 0), None),
        (("no address", 1234), None),
        ("", None),
        (None, None),
        ((), None),
    ],
)
def test_clients_are_told_apart(peer: object, expected: str | None) -> None:
    """IPv4 counts by address, IPv6 by subnet; proxies and local sockets do not count."""
    assert ClientAddresses(_PROXIES).of(peer) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["198.51.100.4"], "198.51.100.4"),
        (["203.0.113.9, 198.51.100.4"], "198.51.100.4"),
        (["198.51.100.4, 10.1.2.3"], "198.51.100.4"),
        (["203.0.113.9", "198.51.100.4", "192.0.2.7,10.1.2.3"], "198.51.100.4"),
        (["198.51.100.4, 2001:db8:1:2::3"], "2001:db8:1:2::/64"),
        (["10.1.2.3, 192.0.2.7"], None),
        (["198.51.100.4, unknown"], None),
        (["198.51.100.4, unknown, 10.1.2.3"], None),
        (["203.0.113.9, 198.51.100.4:80"], "198.51.100.4"),
        (["198.51.100.4:80, 10.1.2.3:4711"], "198.51.100.4"),
        (["[2001:db8:1:2::3]:80, [fd12::1]"], "2001:db8:1:2::/64"),
        (["::ffff:198.51.100.4"], "198.51.100.4"),
        (["198.51.100.4:http"], None),
        (["[198.51.100.4:80"], None),
        (["198.51.100.4" + ", 10.1.2.3" * 16], None),
        ([""], None),
        ([], None),
    ],
)
def test_proxies_pass_on_whose_request_it_is(values: list[str], expected: str | None) -> None:
    """The last address that is no proxy counts; clients can invent those before it."""
    assert ClientAddresses(_PROXIES).forwarded(values) == expected
