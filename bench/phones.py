"""Compare files of phones before and after, by other programs: ``python -m bench.phones PATH...``.

Each file is put through a gateway with defaults and read back. What must be the same: size, what is
behind the picture, everything that exiftool finds, and the video of a motion photo. Printed, too:
PSNR of the HDR pictures that libultrahdr computes before and after.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from bench import phone_readers, promises
from slimgate.eval.demo.servers import BUCKET, running, s3_client

_HEADER = (
    f"{'file':<46}{'bytes':>11}{'saved':>8}{'tier':>10}{'tail':>10}{'tags':>6}{'video':>9}"
    f"{'HDR dB, PQ':>12}{'linear':>8}{'recorded':>10}  faults"
)
_SCORE = 70.0


class Compared(NamedTuple):
    """One file before and after.

    Attributes:
        name: file name.
        uploaded: bytes of the upload.
        stored: bytes in the bucket.
        tier: tier of the rendition, or plain.
        tail: bytes behind the picture.
        tags: tags that exiftool finds.
        video: bytes of the video.
        hdr_db: PSNR of the HDR pictures by libultrahdr, in PQ and in linear light; None: no map.
        recorded_db: PSNR that the gateway reports, of the worse of both pictures.
        faults: what is not as it was.
    """

    name: str
    uploaded: int
    stored: int
    tier: str
    tail: int
    tags: int
    video: int
    hdr_db: tuple[float, float] | None
    recorded_db: str
    faults: tuple[str, ...]

    def line(self) -> str:
        """Return a line of the table."""
        pq, linear = ("-", "-") if self.hdr_db is None else (f"{each:.2f}" for each in self.hdr_db)
        return (
            f"{self.name[:45]:<46}{self.uploaded:>11,}{1 - self.stored / self.uploaded:>8.1%}"
            f"{self.tier:>10}{self.tail:>10,}{self.tags:>6}{self.video:>9,}{pq:>12}{linear:>8}"
            f"{self.recorded_db:>10}  {'; '.join(self.faults) or 'none'}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if anything is not as it was, 2 without exiftool.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.phones", description=__doc__)
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="JPEG file or folder")
    options = parser.parse_args(arguments)
    if not phone_readers.has_exiftool():
        sys.stderr.write("exiftool is not installed (Debian: libimage-exiftool-perl)\n")
        return 2
    faulty = False
    sys.stdout.write(_HEADER + "\n")
    for found in compared([each for path in options.paths for each in _files(path)]):
        tqdm.write(found.line(), file=sys.stdout)
        faulty |= bool(found.faults)
    return int(faulty)


def _files(path: Path) -> list[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def compared(paths: Sequence[Path]) -> Iterator[Compared]:
    """Put files through a gateway, and compare what returns."""
    with running(timeout_s=120) as pair:
        gateway, bucket = s3_client(pair.endpoint), s3_client(pair.upstream)
        gateway.create_bucket(Bucket=BUCKET)
        for path in tqdm(paths, disable=None):
            yield _compared(path, gateway, bucket)


def _compared(path: Path, gateway: Any, bucket: Any) -> Compared:
    upload, target = path.read_bytes(), {"Bucket": BUCKET, "Key": path.name}
    gateway.put_object(**target, Body=upload, ContentType="image/jpeg")
    got = gateway.get_object(**target)
    served, headers = got["Body"].read(), got["ResponseMetadata"]["HTTPHeaders"]
    tier = headers.get("x-slimgate-tier", "plain")
    tags, video = phone_readers.described(upload), phone_readers.video(upload)
    return Compared(
        path.name,
        len(upload),
        bucket.head_object(**target)["ContentLength"],
        tier,
        _tail(upload),
        len(tags),
        len(video),
        _hdr(upload, served),
        headers.get("x-slimgate-psnr", "-"),
        tuple(_faults(upload, served, tier)),
    )


def _faults(upload: bytes, served: bytes, tier: str) -> Iterator[str]:
    if fault := promises.broken(upload, served, tier, _SCORE):
        yield fault
    before, after = phone_readers.described(upload), phone_readers.described(served)
    yield from (f"not for exiftool: {line}" for line in before if line not in after)
    yield from (f"new for exiftool: {line}" for line in after if line not in before)
    if phone_readers.video(upload) != phone_readers.video(served):
        yield "another video"


def _hdr(upload: bytes, served: bytes) -> tuple[float, float] | None:
    before, after = phone_readers.hdr_light(upload), phone_readers.hdr_light(served)
    if before is None or after is None:
        return None
    return phone_readers.hdr_psnr(before, after), phone_readers.hdr_psnr(before, after, "linear")


def _tail(data: bytes) -> int:
    try:
        return len(promises.around(data).fixed[-1][1])
    except promises.Unreadable:
        return 0


if __name__ == "__main__":
    sys.exit(main())
