"""Client addresses, as limits count them."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

_IPV6_PREFIX: Final = 64
"""Prefix length of one subscriber (RFC 6177), who can use any address in it."""


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

    def _of_host(self, host: str) -> str | None:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return None
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self._proxies):
            return None
        if isinstance(address, IPv6Address):
            return str(ip_network((int(address), _IPV6_PREFIX), strict=False))
        return str(address)
