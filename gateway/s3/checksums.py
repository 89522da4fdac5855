"""Compute and verify the digests that clients declare for uploads.

Source: Amazon S3 user guide, "Checking object integrity"; RFC 1864 for Content-MD5.
"""

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from awscrt import checksums as crt

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.sigv4 import PAYLOAD_KEYWORDS, check_payload_hash

_PREFIX: Final = "x-amz-checksum-"
# Headers with the same prefix that are not digests.
_NO_DIGEST: Final = frozenset({"x-amz-checksum-algorithm", "x-amz-checksum-mode", f"{_PREFIX}type"})
_MAX_TRAILERS: Final = 16
_MAX_VALUE: Final = 128


class _Hasher(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """Adapt a CRC function to the interface of ``hashlib``."""

    def __init__(self, function: Callable[[bytes, int], int], width: int) -> None:
        self._function = function
        self._width = width
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        """Return the value, most significant byte first, as in S3 headers."""
        return self._value.to_bytes(self._width, "big")


_ALGORITHMS: Final[Mapping[str, tuple[int, Callable[[], _Hasher]]]] = {
    "crc32": (4, lambda: _Crc(zlib.crc32, 4)),
    "crc32c": (4, lambda: _Crc(crt.crc32c, 4)),
    "crc64nvme": (8, lambda: _Crc(crt.crc64nvme, 8)),
    "sha1": (20, lambda: hashlib.sha1(usedforsecurity=False)),
    "sha256": (32, hashlib.sha256),
}
"""Digest length in bytes and constructor, by algorithm."""

EMPTY_BODY_CHECKSUMS: Final = frozenset(
    (f"{_PREFIX}{name}", base64.b64encode(new().digest()).decode())
    for name, (_, new) in _ALGORITHMS.items()
)
"""Headers that declare the checksum of an empty body, as pairs of name and value."""


class BodyDigests:
    """Compute the digests declared for a body.

    Args:
        md5: Content-MD5, 16 bytes.
        sha256_hex: x-amz-content-sha256, if it is a digest.
        checksum: Algorithm and header value; the value is empty if it comes as a trailer.
        want_md5: Compute the MD5 even without Content-MD5.
    """

    def __init__(
        self,
        *,
        md5: bytes | None = None,
        sha256_hex: str | None = None,
        checksum: tuple[str, str] | None = None,
        want_md5: bool = False,
    ) -> None:
        self._md5 = md5
        self._sha256_hex = sha256_hex
        self._checksum = checksum
        self._verified: dict[str, str] = {}
        self._hashers: dict[str, _Hasher] = {}
        if md5 is not None or want_md5:
            self._hashers["md5"] = hashlib.md5(usedforsecurity=False)
        if sha256_hex is not None:
            self._hashers["sha256"] = hashlib.sha256()
        if checksum and checksum[0] not in self._hashers:
            self._hashers[checksum[0]] = _ALGORITHMS[checksum[0]][1]()

    @classmethod
    def declared(
        cls, headers: Mapping[str, str], payload_hash: str, *, want_md5: bool = False
    ) -> "BodyDigests":
        """Return the digests that request headers declare for the body.

        Args:
            headers: Request headers, in any case; names may repeat.
            payload_hash: Value of x-amz-content-sha256.
            want_md5: Compute the MD5 even without Content-MD5, for ``md5_hex``.

        Raises:
            S3Error: ``InvalidDigest``, ``InvalidArgument`` or ``InvalidRequest`` for a malformed
                declaration.
        """
        pairs = [(name.lower(), value.strip()) for name, value in headers.items()]
        _check_sdk_algorithm(pairs)
        md5 = [_decode_md5(value) for name, value in pairs if name == "content-md5"]
        if len(md5) > 1:
            raise S3Error("InvalidDigest")
        sha256_hex = None if payload_hash in PAYLOAD_KEYWORDS else check_payload_hash(payload_hash)
        return cls(
            md5=md5[0] if md5 else None,
            sha256_hex=sha256_hex,
            checksum=_declared_checksum(pairs),
            want_md5=want_md5,
        )

    def update(self, data: bytes) -> None:
        """Add bytes of the decoded body."""
        for hasher in self._hashers.values():
            hasher.update(data)

    def verify(self, trailers: Mapping[str, str]) -> None:
        """Compare the declared digests with the computed ones.

        Args:
            trailers: Trailers by lower-case name; empty if there are none.

        Raises:
            S3Error: ``XAmzContentSHA256Mismatch``, ``BadDigest``, ``InvalidRequest`` for a
                malformed value, or ``MalformedTrailerError`` if the trailers differ from the
                announced ones.
        """
        if self._sha256_hex is not None:
            expected = bytes.fromhex(self._sha256_hex)
            if not hmac.compare_digest(expected, self._hashers["sha256"].digest()):
                raise S3Error("XAmzContentSHA256Mismatch")
        if self._md5 is not None and not hmac.compare_digest(
            self._md5, self._hashers["md5"].digest()
        ):
            raise S3Error("BadDigest")
        self._verify_checksum(trailers)

    def _verify_checksum(self, trailers: Mapping[str, str]) -> None:
        in_trailer = self._checksum is not None and not self._checksum[1]
        announced = {_PREFIX + self._checksum[0]} if self._checksum and in_trailer else set()
        if trailers.keys() != announced:
            raise S3Error("MalformedTrailerError")
        if self._checksum is None:
            return
        algorithm, value = self._checksum
        name = _PREFIX + algorithm
        value = trailers[name] if in_trailer else value
        if not hmac.compare_digest(
            _decode_checksum(algorithm, value), self._hashers[algorithm].digest()
        ):
            raise S3Error(
                "BadDigest",
                f"The {algorithm.upper()} you specified did not match the calculated checksum.",
            )
        self._verified = {name: value, f"{_PREFIX}type": "FULL_OBJECT"}

    @property
    def md5_hex(self) -> str:
        """Return the MD5 of the body in hexadecimal digits, as in ETags.

        Raises:
            RuntimeError: The MD5 was not computed: there was neither ``want_md5`` nor Content-MD5.
        """
        if "md5" not in self._hashers:
            raise RuntimeError("the MD5 was not computed: pass want_md5=True")
        return self._hashers["md5"].digest().hex()

    def echo(self) -> dict[str, str]:
        """Return response headers that confirm the checksum; empty until ``verify`` has passed."""
        return dict(self._verified)


def _check_sdk_algorithm(pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        if name == "x-amz-sdk-checksum-algorithm" and value.lower() not in _ALGORITHMS:
            raise S3Error(
                "InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid."
            )


def _declared_checksum(pairs: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    found: list[tuple[str, str]] = []
    for name, value in pairs:
        if name.startswith(_PREFIX) and name not in _NO_DIGEST:
            algorithm = _algorithm(name)
            _decode_checksum(algorithm, value)
            found.append((algorithm, value))
        elif name == "x-amz-trailer":
            names = value.lower().split(",", _MAX_TRAILERS)
            found.extend((_algorithm(trailer.strip()), "") for trailer in names)
    if len(found) > 1:
        raise S3Error(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    return found[0] if found else None


def _algorithm(name: str) -> str:
    algorithm = name.removeprefix(_PREFIX)
    if algorithm == name or algorithm not in _ALGORITHMS:
        # Storing the body unverified would break the client's expectation.
        raise S3Error(
            "InvalidRequest",
            "The algorithm type you specified in x-amz-checksum- header is invalid.",
        )
    return algorithm


def _decode_checksum(algorithm: str, value: str) -> bytes:
    digest = _decode_base64(value, _ALGORITHMS[algorithm][0])
    if digest is None:
        raise S3Error("InvalidRequest", f"Value for {_PREFIX}{algorithm} header is invalid.")
    return digest


def _decode_md5(value: str) -> bytes:
    digest = _decode_base64(value, 16)
    if digest is None:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.")
    return digest


def _decode_base64(value: str, length: int) -> bytes | None:
    if len(value) > _MAX_VALUE or not value.isascii():
        return None
    try:
        decoded = base64.b64decode(value, validate=True)
    except binascii.Error:
        return None
    # Non-zero padding bits would make the echoed value differ from the canonical one.
    if len(decoded) != length or base64.b64encode(decoded).decode("ascii") != value:
        return None
    return decoded
