"""Parse Redis URLs: a single server, a server behind Sentinels, or a cluster."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

_PATTERN: Final = (
    "must be a URL such as redis://host:6379/0, rediss://…, unix:///path, "
    "redis+sentinel://host1:26379,host2:26379/service/0 or redis+cluster://host1:6379,host2:6379"
)
_SCHEME: Final = re.compile(r"(rediss?)\+(sentinel|cluster)")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{1,253})(?::([0-9]{1,5}))?")
_SERVICE: Final = re.compile(r"/([A-Za-z0-9_.-]{1,128})(?:/([0-9]{1,5}))?/?")
_MAX_HOSTS: Final = 32
_SENTINEL: Final = "sentinel_"
_SENTINEL_OPTIONS: Final = frozenset({"sentinel_password", "sentinel_username"})
# Options that redis-py reads from a query and that make sense here. It reports errors too late.
_OPTIONS: Final = {
    "client_name": "[A-Za-z0-9_.-]{1,64}",
    "db": "[0-9]{1,5}",
    "protocol": "[23]",
    "ssl_ca_certs": ".+",
    "ssl_cert_reqs": "none|optional|required",
    "ssl_certfile": ".+",
    "ssl_check_hostname": "true|false",
    "ssl_keyfile": ".+",
}


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """A Redis address.

    Attributes:
        kind: topology.
        url: URL of a single server for redis-py; may contain a password.
        hosts: host, without brackets, and port of each Sentinel or cluster node.
        service: service name of the Sentinels; empty for other topologies.
        sentinel: user name and password of the Sentinels, if they need them.
    """

    kind: Literal["single", "sentinel", "cluster"]
    url: str = field(repr=False)
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel: dict[str, str] = field(default_factory=dict, repr=False)


def redis_place(text: str) -> RedisPlace:
    """Parse a Redis URL.

    Raises:
        ValueError: not a Redis URL; the message omits the URL, which may contain a password.
    """
    try:
        place = _read(text)
    except ValueError:
        place = None
    if place is None:
        raise ValueError(_PATTERN)
    return place


def _read(text: str) -> RedisPlace | None:
    # urlsplit silently drops tabs and line breaks.
    if not text.isprintable() or " " in text:
        return None
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    many = _SCHEME.fullmatch(parts.scheme)
    own = _SENTINEL_OPTIONS if many and many[2] == "sentinel" else frozenset[str]()
    if parts.fragment or not all(name in own or _allowed(name, options[name]) for name in options):
        return None
    if many is None:
        place = parts.path if parts.scheme == "unix" else parts.hostname
        known = parts.scheme in {"redis", "rediss", "unix"} and parts.port != 0
        return RedisPlace("single", text) if known and place else None
    return _sentinels(parts, many[1], options) if many[2] == "sentinel" else _cluster(parts, many)


def _allowed(name: str, value: str) -> bool:
    return re.fullmatch(_OPTIONS.get(name, "(?!)"), value) is not None


def _sentinels(parts: SplitResult, scheme: str, options: dict[str, str]) -> RedisPlace | None:
    named, hosts = _SERVICE.fullmatch(parts.path), _hosts(parts, 26379)
    if named is None or not hosts:
        return None
    own = {
        name.removeprefix(_SENTINEL): options.pop(name) for name in _SENTINEL_OPTIONS & set(options)
    }
    url = f"{_one(scheme, parts)}/{named[2] or 0}?{urlencode(options)}"
    return RedisPlace("sentinel", url, hosts, named[1], own)


def _cluster(parts: SplitResult, many: re.Match[str]) -> RedisPlace | None:
    hosts = _hosts(parts, 6379)
    if parts.path not in {"", "/", "/0"} or not hosts:
        return None
    return RedisPlace("cluster", f"{_one(many[1], parts)}?{parts.query}", hosts)


def _one(scheme: str, parts: SplitResult) -> str:
    """Return the start of a single-server URL with the same user; the host is a placeholder."""
    user, at, _ = parts.netloc.rpartition("@")
    return f"{scheme}://{user}{at}any"


def _hosts(parts: SplitResult, port: int) -> tuple[tuple[str, int], ...]:
    """Return hosts and ports, or () if one is invalid."""
    words = parts.netloc.rpartition("@")[2].split(",")
    found = [match for word in words if (match := _HOST.fullmatch(word))]
    hosts = tuple((match[1].strip("[]"), int(match[2] or port)) for match in found)
    right = len(found) == len(words) <= _MAX_HOSTS and all(0 < at <= 65535 for _, at in hosts)
    return hosts if right else ()
