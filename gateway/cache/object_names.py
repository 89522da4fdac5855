"""Names of objects that do not show their keys."""

import hashlib


def digest(*parts: str) -> str:
    """Return a hash of texts, 32 hexadecimal digits."""
    octets = (part.encode("utf-8", "surrogateescape") for part in parts)
    framed = (len(each).to_bytes(4, "big") + each for each in octets)
    return hashlib.sha256(b"".join(framed)).hexdigest()[:32]
