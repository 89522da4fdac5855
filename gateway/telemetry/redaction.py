"""Redact signatures and secrets in log lines."""

import re
from collections.abc import MutableMapping
from typing import Any, Final

MASK: Final = "[masked]"

# Parameters and header fields with secrets, in URLs, headers and reprs.
_SECRET: Final = re.compile(
    r"""(?ix)
    \b(
        x-amz-signature | signature | x-amz-security-token | securitytoken | x-amz-credential
        | authorization | secret[_-]?key | secret[_-]?access[_-]?key | token
        | x-amz-(?:copy-source-)?server-side-encryption-customer-key | password
    )
    (["']? \s* [=:] \s* (?:b(?=["']))? ["']?)  # as in k=v, k: v, 'k': 'v'
    (?: (?: bearer | basic ) \s+ | aws4-hmac-sha256 \s+ [^"'\n]* )?
    [^\s&,;"'<>)}\]]*
    """
)
# No match begins within a scheme, so a long key of dots is scanned once.
_IN_URL: Final = re.compile(r"(?i)(?<![a-z0-9+.-])([a-z0-9+.-]+://[^\s/@:]*):[^\s/@]+@")
_DEEPEST: Final = 4


def masked(text: str) -> str:
    """Return a text with everything masked that looks like a secret."""
    return _IN_URL.sub(rf"\1:{MASK}@", _SECRET.sub(rf"\1\2{MASK}", text))


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask secrets in a log line; a structlog processor."""
    for name, value in event.items():
        event[name] = _clean(value, _DEEPEST)
    return event


def _clean(value: object, depth: int) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, (int, float)) or value is None:
        return value
    if depth and isinstance(value, (list, tuple)):
        return [_clean(each, depth - 1) for each in value]
    if depth and isinstance(value, dict):
        return {name: _clean(each, depth - 1) for name, each in value.items()}
    return masked(repr(value))
