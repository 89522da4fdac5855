"""Validate and normalize host names, listening addresses and endpoint URLs."""

import re
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

MAX_HOST: Final = 253  # RFC 1035, section 3.1, without the trailing dot
# RFC 1123 forbids underscores, but container networks use them.
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def host_name(text: str) -> str:
    """Return a DNS name in lower case.

    Raises:
        ValueError: not a DNS name; IP addresses are refused too.
    """
    name = text.lower()
    labels = name.split(".") if len(name) <= MAX_HOST else [""]
    if not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise ValueError("must be a host name such as s3.example.com, without port")
    return name


def is_ip(text: str) -> bool:
    """Return whether the text is an IPv4 or IPv6 address, without brackets."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def address_range(text: str) -> str:
    """Return an IP address or network in canonical form.

    Raises:
        ValueError: neither, or host bits are set.
    """
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError('must be an IP address or network such as "10.0.0.0/8"') from error


def is_loopback(host: str) -> bool:
    """Return whether a host, without brackets, is reachable from this machine only."""
    return host.lower() == "localhost" or (is_ip(host) and ip_address(host).is_loopback)


def split_listen(text: str) -> tuple[str, int]:
    """Split `host:port`; the host of an IPv6 address has no brackets.

    Raises:
        ValueError: not `host:port`, or the port is outside 0 to 65535.
    """
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    # Only IPv6 addresses have brackets, and they must.
    if not colon or bracketed != (":" in bare) or not _is_host(bare) or not _is_port(port):
        raise ValueError(
            'must be "host:port" in quotes, such as "127.0.0.1:9000", "0.0.0.0:9000", "[::1]:9000"'
        )
    return bare, int(port)


def listen_address(text: str) -> str:
    """Return a listening address unchanged if it is valid.

    Raises:
        ValueError: see `split_listen`.
    """
    split_listen(text)
    return text


def endpoint_url(text: str) -> str:
    """Return an endpoint as scheme, lower-case host and port, if given.

    Raises:
        ValueError: not an http or https URL, or it has more than scheme, host and port.
    """
    # urlsplit silently drops tabs and line breaks, so refuse them first.
    if not text.isascii() or not text.isprintable() or set(text) & set(" \\?#@%"):
        raise ValueError(_ENDPOINT)
    try:
        parts = urlsplit(text)
        return _canonical(parts, parts.port)
    except ValueError as error:
        raise ValueError(_ENDPOINT) from error


_ENDPOINT: Final = (
    "must be an http or https URL without path, query and user name,"
    " such as https://s3.eu-central-1.amazonaws.com"
)


def _canonical(parts: SplitResult, port: int | None) -> str:
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or parts.path not in {"", "/"} or not _is_host(host):
        raise ValueError(_ENDPOINT)
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError(_ENDPOINT)
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}")


def _is_host(text: str) -> bool:
    if is_ip(text):
        return True
    try:
        host_name(text)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return 0 < len(text) <= 5 and text.isascii() and text.isdigit() and int(text) <= 65535
