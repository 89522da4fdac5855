"""Seals: a MAC at the end of a manifest, which only gateways can create.

It covers the text of the manifest, and with it the digests of the restored file, but not the name
of the object: stores copy objects with their metadata. A sealed manifest beside another rendition
is detected when that is restored.
"""

import base64
import functools
import hashlib
import hmac
import re
from typing import Final

from slimgate.codec.manifest import BrokenManifest, Manifest, loads
from slimgate.config import Manifests

_CONTEXT: Final = b"slimgate manifest\n"
_SEAL_BYTES: Final = 16  # HMAC-SHA-256-128, RFC 4868
_SEAL_CHARS: Final = len(',"s":""') + 22
_SEALED: Final = re.compile(r'(\{.*),"s":"([A-Za-z0-9_-]{22})"\}')


class Seals:
    """Read and write manifests.

    Args:
        settings: The first key seals; all keys verify.
    """

    def __init__(self, settings: Manifests) -> None:
        self._keys = tuple(key.get_secret_value().encode() for key in settings.keys)
        self._required = settings.required
        self.read = functools.lru_cache(maxsize=4096)(self._read)
        """As :meth:`_read`; what was read lately is at hand."""

    def write(self, manifest: Manifest) -> str:
        """Return a manifest as text, sealed if a key is configured.

        Raises:
            ValueError: It would exceed ``MAX_BYTES``.
        """
        bare = manifest.model_copy(update={"seal": None})
        if not self._keys:
            return bare.dumps()
        text = bare.dumps(_SEAL_CHARS)
        return f'{text[:-1]},"s":"{_seal(self._keys[0], text)}"}}'

    def _read(self, note: str) -> Manifest:
        """Parse a manifest, and verify its seal if a key is configured.

        Raises:
            BrokenManifest: It is malformed, its seal is wrong, or a required seal is missing.
        """
        manifest = loads(note)
        if manifest.seal is None:
            if self._required:
                raise BrokenManifest("it has no seal, and manifests.required is set")
            return manifest
        if self._keys and not self._is_ours(note):
            raise BrokenManifest("its seal is of none of manifests.keys")
        return manifest

    def _is_ours(self, note: str) -> bool:
        found = _SEALED.fullmatch(note)
        if found is None:
            return False
        text = f"{found[1]}}}"
        return any(hmac.compare_digest(_seal(key, text), found[2]) for key in self._keys)


def _seal(key: bytes, text: str) -> str:
    digest = hmac.digest(key, _CONTEXT + text.encode(), hashlib.sha256)[:_SEAL_BYTES]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
