"""Drive s3fs, through which pandas, dask and Hugging Face datasets read and write S3."""

from typing import Any

import s3fs  # type: ignore[import-not-found]  # lives in .venv-clients

from tests.clients.drivers.loop import serve, server


class _Store:
    def __init__(self, endpoint: str, access: str, secret: str) -> None:
        self._fs = s3fs.S3FileSystem(
            key=access,
            secret=secret,
            endpoint_url=endpoint,
            default_block_size=5 << 20,
            use_listings_cache=False,
        )

    def put(self, file: str, bucket: str, key: str) -> None:
        """Upload; above 5 MiB in parts."""
        self._fs.put_file(file, f"{bucket}/{key}", chunksize=5 << 20)

    def get(self, bucket: str, key: str, file: str) -> None:
        """Download."""
        self._fs.get_file(f"{bucket}/{key}", file)

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """Read a range."""
        return bytes(self._fs.cat_file(f"{bucket}/{key}", start=start, end=stop))

    def sizes(self, bucket: str) -> dict[str, int]:
        """List."""
        found = self._fs.find(bucket, detail=True)
        return {path.removeprefix(f"{bucket}/"): at["size"] for path, at in found.items()}

    def copy(self, bucket: str, source: str, target: str) -> None:
        """Copy in the server."""
        self._fs.cp_file(f"{bucket}/{source}", f"{bucket}/{target}")

    def delete(self, bucket: str, key: str) -> None:
        """Delete."""
        self._fs.rm_file(f"{bucket}/{key}")

    def write_in_blocks(self, bucket: str, key: str, file: str, block: int) -> None:
        """Write through a file object, which uploads block by block."""
        with (
            open(file, "rb") as source,  # noqa: PTH123  # as its users write it
            self._fs.open(f"{bucket}/{key}", "wb", block_size=5 << 20) as target,
        ):
            while piece := source.read(block):
                target.write(piece)

    def read_in_blocks(self, bucket: str, key: str, block: int) -> bytes:
        """Read through a file object, which asks for ranges and compares ETags."""
        pieces = []
        with self._fs.open(f"{bucket}/{key}", "rb", block_size=block) as source:
            while piece := source.read(block):
                pieces.append(piece)
        return b"".join(pieces)

    def touch_metadata(self, bucket: str, key: str, **metadata: str) -> dict[str, Any]:
        """Set user metadata by copying the object onto itself, and read it again."""
        path = f"{bucket}/{key}"
        self._fs.setxattr(path, **metadata)
        return dict(self._fs.metadata(path, refresh=True))


if __name__ == "__main__":
    serve(_Store(*server()))
