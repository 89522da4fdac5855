"""Image files as bytes: strict parsing, verbatim metadata, padding to a size.

This package neither decodes pixels nor imports Pillow.
"""

from slimgate.codec.containers.errors import ContainerError, DoesNotFit, Malformed, Unsupported
from slimgate.codec.containers.jpeg import Padding
from slimgate.codec.containers.kinds import SNIFFED, WHOLE, named
from slimgate.codec.containers.registry import (
    Container,
    FormatName,
    Mode,
    assemble,
    overhead,
    parse,
    sniff,
)

__all__ = [
    "SNIFFED",
    "WHOLE",
    "Container",
    "ContainerError",
    "DoesNotFit",
    "FormatName",
    "Malformed",
    "Mode",
    "Padding",
    "Unsupported",
    "assemble",
    "named",
    "overhead",
    "parse",
    "sniff",
]
