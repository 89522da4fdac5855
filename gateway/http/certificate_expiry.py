"""Read when a certificate expires.

The standard library reads it only from a peer, after a handshake that fails once it has expired.
"""

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

# Tags of DER, X.690.
_UTC_TIME: Final = 0x17
_VERSION: Final = 0xA0


def first_expiry(chain: Path) -> float:
    """Return when the first certificate of a chain expires, Unix seconds.

    Args:
        chain: PEM file that OpenSSL has accepted.

    Raises:
        OSError: The file cannot be read.
    """
    blocks = _BLOCK.findall(chain.read_text("latin-1"))
    return min(_not_after(ssl.PEM_cert_to_DER_cert(block)) for block in blocks)


def _not_after(certificate: bytes) -> float:
    """Return the end of the validity of a certificate (RFC 5280, section 4.1)."""
    _, whole, _ = _element(certificate)
    _, rest, _ = _element(whole)
    tag, _, behind = _element(rest)
    if tag == _VERSION:
        rest = behind
    for _ in ("serialNumber", "signature", "issuer"):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, rest = _element(validity)  # notBefore
    tag, text, _ = _element(rest)
    digits = text.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year, 1950 to 2049
        digits = f"{'19' if digits[0] >= '5' else '20'}{digits}"
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and content of the first element of DER, and what follows it."""
    length, begin = data[1], 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(data[2:begin], "big")
    return data[0], data[begin : begin + length], data[begin + length :]
