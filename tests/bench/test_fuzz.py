"""Tests of fuzzing whole gateways."""

from itertools import islice
from pathlib import Path

import pytest

from bench import fuzz
from bench.fuzz_seeds import seeds
from bench.fuzz_uploads import UPLOADS
from tests.servers.server import S3Server

_FILES = 120
_UNCHANGED = "jpeg", "jpeg gain map xmp", "png deep", "webp", "libtiff tiff_lzw", "gif frames"


def test_the_same_seed_gives_the_same_files() -> None:
    """A file depends on seed and number alone."""
    first = list(fuzz.cases(7, range(20)))
    assert list(fuzz.cases(7, range(10, 20))) == first[10:]
    assert [case.data for case in fuzz.cases(8, range(20))] != [case.data for case in first]


@pytest.mark.e2e
def test_mutated_files_come_back_as_promised(moto: S3Server, tmp_path: Path) -> None:
    """No file crashes a worker, is altered beyond its tier's promise, or answered by an error."""
    files = seeds()
    ways = list(UPLOADS)
    chosen = [
        fuzz.Case(-1 - at, name, ways[at % len(ways)], files[name])
        for at, name in enumerate(_UNCHANGED)
    ]
    chosen += islice(fuzz.cases(0, range(_FILES)), _FILES)
    lines = list(fuzz.run(moto, tmp_path, chosen, 2))
    text, kept = fuzz.report(lines)
    assert kept, text
    tiers = {line["tier"] for line in lines[: len(_UNCHANGED)]}
    assert tiers <= {"recode", "downscale", "exact"}, text
    assert sum("number" in line for line in lines) == len(chosen)
