"""Client addresses, as limits count them."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_IPV6_PREFIX: Final = 64
"""Prefix length of one subscriber (RFC 6177), who can use any address in it."""

_MOST_PROXIES: Final = 16
"""Addresses that are read in ``X-Forwarded-For``, from its end."""


class ClientAddresses:
    """Identify the client behind a connection.

    Args:
        proxies: Addresses and networks that forward for many clients; limits do not apply to them.
    """

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        self._proxies = [ip_network(each) for each in proxies]
        self.of_host = lru_cache(maxsize=4096)(self._of_host)

    def of(self, peer: object) -> str | None:
        """Return the address that limits apply to; None: no limit applies.

        Args:
            peer: The ``peername`` of a transport; a Unix socket has none.
        """
        if not isinstance(peer, tuple) or not peer or not isinstance(peer[0], str):
            return None
        return self.of_host(peer[0])

    def forwarded(self, values: Iterable[str]) -> str | None:
        """Return the client address that proxies have passed on; None: no limit applies.

        Each proxy appends the address that it has met. What stands before the last one that is no
        proxy may be invented.

        Args:
            values: Values of ``X-Forwarded-For``, in order; some proxies append ports, too.
        """
        nodes = ",".join(values).split(",")
        for node in reversed(nodes[-_MOST_PROXIES:]):
            host = _without_port(node.strip())
            found = self.of_host(host)
            if found is not None or not self._is_proxy(host):
                return found
        return None

    def _is_proxy(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._proxies)

    def _of_host(self, host: str) -> str | None:
        address = _address(host)
        if address is None or any(address in network for network in self._proxies):
            return None
        if isinstance(address, IPv6Address):
            return str(ip_network((int(address), _IPV6_PREFIX), strict=False))
        return str(address)


def _without_port(node: str) -> str:
    """Return the host of ``192.0.2.1:1234`` or ``[2001:db8::1]:1234``, and others as they are."""
    if node.startswith("["):
        return node[1:].partition("]")[0]
    host, _, port = node.partition(":")
    return host if port.isdecimal() and "." in host else node


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return an address, IPv4 also where it is mapped into IPv6; None: it is malformed."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
