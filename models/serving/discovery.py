"""Find the engines behind a URL: each address of its host name is an engine of its own."""

import asyncio
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The address of one engine.

    Attributes:
        url: configured URL: scheme, host and port.
        ip: one of the addresses of its host.
    """

    url: str
    ip: str

    def __str__(self) -> str:
        host = urlsplit(self.url).hostname
        return self.url if host == self.ip else f"{self.url} ({self.ip})"


async def addresses(url: str) -> frozenset[Address]:
    """Return the addresses behind a URL; none if its host cannot be resolved now.

    A host with addresses of both families lists each machine twice; only one family counts.
    """
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            parts.hostname, port, type=socket.SOCK_STREAM
        )
    except OSError:
        return frozenset()
    families = {family for family, *_ in found}
    chosen = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    return frozenset(Address(url, str(at[0])) for family, *_, at in found if family == chosen)


class Pinned(AbstractResolver):
    """Resolves every name to one address, so that URLs and certificates keep the name.

    Args:
        ip: the address.
    """

    def __init__(self, ip: str) -> None:
        self._ip = ip

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the one address."""
        result = ResolveResult(
            hostname=host,
            host=self._ip,
            port=port,
            family=socket.AF_INET6 if ":" in self._ip else socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        return [result]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
