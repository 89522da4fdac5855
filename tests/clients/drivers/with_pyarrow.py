"""Drive pyarrow's S3 filesystem, which is the AWS SDK for C++."""

from urllib.parse import urlsplit

import pyarrow
from pyarrow import dataset, fs

from tests.clients.drivers.loop import serve, server

_PIECE = 5 << 20


class _Store:
    def __init__(self, endpoint: str, access: str, secret: str) -> None:
        self._fs = fs.S3FileSystem(
            access_key=access,
            secret_key=secret,
            endpoint_override=urlsplit(endpoint).netloc,
            scheme="http",
            region="us-east-1",
        )
        self._local = fs.LocalFileSystem()

    def put(self, file: str, bucket: str, key: str) -> None:
        """Upload, in parts whatever the size."""
        with (
            self._local.open_input_stream(file) as source,
            self._fs.open_output_stream(f"{bucket}/{key}") as target,
        ):
            while piece := source.read(_PIECE):
                target.write(piece)

    def get(self, bucket: str, key: str, file: str) -> None:
        """Download."""
        fs.copy_files(f"{bucket}/{key}", file, source_filesystem=self._fs,
                      destination_filesystem=self._local)  # fmt: skip

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        """Read a range."""
        with self._fs.open_input_file(f"{bucket}/{key}") as file:
            return bytes(file.read_at(stop - start, start))

    def sizes(self, bucket: str) -> dict[str, int]:
        """List."""
        found = self._fs.get_file_info(fs.FileSelector(bucket, recursive=True))
        return {info.path.removeprefix(f"{bucket}/"): info.size for info in found if info.is_file}

    def copy(self, bucket: str, source: str, target: str) -> None:
        """Copy in the server."""
        self._fs.copy_file(f"{bucket}/{source}", f"{bucket}/{target}")

    def rename(self, bucket: str, source: str, target: str) -> None:
        """Move, as the library does it."""
        self._fs.move(f"{bucket}/{source}", f"{bucket}/{target}")

    def write_table(self, bucket: str, name: str, rows: int) -> list[int]:
        """Write a data set of several files; return the number of rows and the sum of a column."""
        numbers = pyarrow.array(range(rows))
        table = pyarrow.table({"number": numbers, "part": [n % 3 for n in range(rows)]})
        dataset.write_dataset(table, f"{bucket}/{name}", filesystem=self._fs, format="parquet",
                              partitioning=["part"])  # fmt: skip
        return [rows, sum(range(rows))]

    def table_totals(self, bucket: str, name: str) -> list[int]:
        """Read a data set; return the number of rows and the sum of a column."""
        found = dataset.dataset(f"{bucket}/{name}", filesystem=self._fs, format="parquet")
        numbers = found.to_table(columns=["number"])["number"]
        return [len(numbers), sum(numbers.to_pylist())]

    def delete(self, bucket: str, key: str) -> None:
        """Delete."""
        self._fs.delete_file(f"{bucket}/{key}")


if __name__ == "__main__":
    serve(_Store(*server()))
