"""Image files as sequences of bytes: parse strictly, keep metadata verbatim, pad to a size.

Nothing here decodes pixels, and nothing imports Pillow.
"""

from codec.containers.errors import ContainerError, DoesNotFit, Malformed, Unsupported
from codec.containers.registry import (
    Container,
    FormatName,
    Mode,
    assemble,
    overhead,
    parse,
    sniff,
)

__all__ = [
    "Container",
    "ContainerError",
    "DoesNotFit",
    "FormatName",
    "Malformed",
    "Mode",
    "Unsupported",
    "assemble",
    "overhead",
    "parse",
    "sniff",
]
