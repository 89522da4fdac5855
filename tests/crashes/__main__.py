"""Try random moments: ``python -m tests.crashes --moments 200``."""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tqdm import tqdm

from tests.crashes.moments import MOMENTS
from tests.crashes.stage import Broken, Stage, stage
from tests.servers.ceph import rgw_server
from tests.servers.moto import moto_server

# Each in proportion to how many can be tried in a minute: a tool takes long to start.
_WEIGHTS: Final = (2, 2, 1, 1, 1, 1, 24, 3, 3)

_SHARE: Final = 1.05
"""Beyond the whole work, a little: nothing happens then, and that must be right, too."""


def main() -> int:
    """Run the command line.

    Returns:
        0, or 1 when an object was neither as it was nor completely new.
    """
    options = _parser().parse_args()
    dice = random.Random(options.seed)
    names = dice.choices(list(MOMENTS), _WEIGHTS, k=options.moments)
    tried, broken = Counter[str](), Counter[str]()
    with _scene(options.store) as scene:
        for name in tqdm(names, unit="moment", disable=None):
            share = dice.uniform(0, _SHARE)
            tried[name] += 1
            try:
                MOMENTS[name](scene, share)
            except Broken as error:
                broken[name] += 1
                sys.stdout.write(f"BROKEN: {name} at {share:.3f}: {error}\n")
                sys.stdout.flush()
    for name, count in tried.items():
        sys.stdout.write(f"{name:<26}{count:>5} moments  {broken[name]:>3} broken\n")
    sys.stdout.write(f"{options.store}: {tried.total()} moments, {broken.total()} broken\n")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=__doc__)
    parser.add_argument("--moments", type=int, default=200, help="how many (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments (default 0)")
    parser.add_argument("--store", choices=["moto", "rgw"], default="moto")
    return parser


@contextmanager
def _scene(kind: str) -> Iterator[Stage]:
    start = moto_server if kind == "moto" else rgw_server
    with tempfile.TemporaryDirectory() as folder:
        for name in ("store", "stage"):
            (Path(folder) / name).mkdir()
        with (
            start(Path(folder) / "store") as store,
            stage(store, Path(folder) / "stage") as scene,
        ):
            yield scene


if __name__ == "__main__":
    sys.exit(main())
