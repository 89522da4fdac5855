"""Drive obstore, which is Rust's object_store."""

from pathlib import Path
from typing import Any

import obstore  # type: ignore[import-not-found]  # lives in .venv-clients
from obstore.store import S3Store  # type: ignore[import-not-found]  # lives in .venv-clients

from tests.clients.drivers.loop import serve, server


class _Store:
    def __init__(self, endpoint: str, access: str, secret: str) -> None:
        self._config = {
            "endpoint": endpoint,
            "access_key_id": access,
            "secret_access_key": secret,
            "region": "us-east-1",
            "virtual_hosted_style_request": False,
        }

    def put(self, file: str, bucket: str, key: str) -> str:
        """Upload; above 5 MiB in parts, several at a time."""
        with Path(file).open("rb") as source:
            result = obstore.put(self._bucket(bucket), key, source, chunk_size=5 << 20)
        return str(result["e_tag"])

    def get(self, bucket: str, key: str, file: str) -> None:
        """Download."""
        with Path(file).open("wb") as target:
            target.writelines(obstore.get(self._bucket(bucket), key))

    def get_if_match(self, bucket: str, key: str, etag: str) -> bytes | None:
        """Download under a condition; None when it does not hold."""
        try:
            result = obstore.get(self._bucket(bucket), key, options={"if_match": etag})
        except obstore.exceptions.PreconditionError:
            return None
        return bytes(result.bytes())

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """Read a range."""
        return bytes(obstore.get_range(self._bucket(bucket), key, start=start, end=stop))

    def read_many(self, bucket: str, key: str, starts: list[int], length: int) -> bytes:
        """Read several ranges at a time, and join them."""
        found = obstore.get_ranges(
            self._bucket(bucket), key, starts=starts, lengths=[length] * len(starts)
        )
        return b"".join(bytes(piece) for piece in found)

    def sizes(self, bucket: str) -> dict[str, int]:
        """List."""
        pages = obstore.list(self._bucket(bucket))
        return {entry["path"]: entry["size"] for page in pages for entry in page}

    def head(self, bucket: str, key: str) -> dict[str, Any]:
        """Look at an object."""
        return dict(obstore.head(self._bucket(bucket), key))

    def copy(self, bucket: str, source: str, target: str) -> None:
        """Copy in the server."""
        obstore.copy(self._bucket(bucket), source, target)

    def rename(self, bucket: str, source: str, target: str) -> None:
        """Move, as the library does it."""
        obstore.rename(self._bucket(bucket), source, target)

    def delete(self, bucket: str, key: str) -> None:
        """Delete."""
        obstore.delete(self._bucket(bucket), key)

    def _bucket(self, name: str) -> Any:
        return S3Store(name, config=self._config, client_options={"allow_http": True})


if __name__ == "__main__":
    serve(_Store(*server()))
