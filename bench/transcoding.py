"""Check that tier ``exact`` restores JPEG files byte for byte, and print the saving.

``python -m bench.transcoding FOLDER…`` stores every JPEG file below the folders that the tier
accepts, restores it and compares the bytes; each subfolder gets a line.
"""

import argparse
import hashlib
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.contest import policy_of
from slimgate import models
from slimgate.codec.optimize import OptimizeOptions, optimize
from slimgate.codec.reasons import Refused
from slimgate.codec.restore.restore import restore
from slimgate.config import Policy


def main() -> int:
    """Print a line per folder and a total.

    Returns:
        0, or 1 if a file was restored to other bytes.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    policy = policy_of({"tiers": ["exact"], "types": ["image/jpeg"], "min_saving": 0})
    groups: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
    refused = 0
    began = time.process_time()
    for path in _jpegs(parser.parse_args().folders):
        found = _tried(path.read_bytes(), policy)
        if found is None:
            refused += 1
            continue
        for name in (path.parent.name, "all"):
            groups[name].append(found)
    seconds = time.process_time() - began
    for name, files in sorted(groups.items(), key=lambda item: (item[0] == "all", item[0])):
        uploaded, stored = (sum(line[i] for line in files) for i in (0, 1))
        wrong = sum(not line[2] for line in files)
        sys.stdout.write(
            f"{name:20}{len(files):5} files{uploaded:12,} bytes stored as {stored:12,}  "
            f"{1 - stored / uploaded:.1%} saved  {wrong} restored to other bytes\n"
        )
    sys.stdout.write(f"{refused} JPEG files stored as uploaded; {seconds:.1f} CPU-seconds\n")
    return int(any(not line[2] for line in groups["all"]))


def _jpegs(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.open("rb").read(2) == b"\xff\xd8":
                yield path


def _tried(data: bytes, policy: Policy) -> tuple[int, int, bool] | None:
    """Return bytes uploaded and stored, and whether the file was reproduced; None if refused."""
    try:
        made = optimize(
            data, OptimizeOptions(policy, "image/jpeg", {}, "0.1.0", float("inf")), models.restorer
        )
    except (Refused, OSError, ValueError, SyntaxError):
        return None
    served = restore(made.rendition, made.manifest, models.restorer)
    same = hashlib.md5(served, usedforsecurity=False).hexdigest() == made.manifest.md5
    return len(data), len(made.rendition), same and served == data


if __name__ == "__main__":
    sys.exit(main())
