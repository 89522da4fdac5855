"""Compare what the search stores with what each single strategy would store of the same images.

``python -m bench.strategies FOLDER --out FILE [--jobs N]`` optimizes every image of a folder
with one subfolder per class, once per strategy. ``FILE`` gets a JSON line for each, so an
interrupted run can continue. With every strategy, results below the floor or larger than the upload
are stored as uploaded. Of the fixed qualities, the one that stores the least is shown.
"""

import argparse
import math
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from PIL import Image

from bench import journal
from bench.contest import Row, policy_of, row
from bench.journal import Line
from slimgate.codec.image.pixels import decode_as
from slimgate.codec.reasons import Refused
from slimgate.codec.search import trials
from slimgate.codec.search.effort import Work
from slimgate.codec.search.eligibility import max_stored, parse_eligible
from slimgate.codec.search.state import Candidate, SearchState, SourceImage
from slimgate.config import Policy

_FIXED: Final = (40, 50, 60, 70, 80, 90)
_SPEED: Final = 8
_REFEREE: Final = "all tiers"

_POLICIES: Final[Mapping[str, Mapping[str, Any]]] = {
    _REFEREE: {},
    "all tiers, best": {"effort": "best"},
    "all tiers, fast": {"effort": "fast"},
    "exact only": {"tiers": ["exact"]},
    "AVIF searched per image": {"tiers": ["recode"], "codecs": ["avif"]},
    "downscale only": {"tiers": ["downscale"]},
}
_OTHERS: Final = ("exact only", "AVIF searched per image", "downscale only")


def main() -> None:
    """Print a line per strategy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="file for a JSON line per trial")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--without", nargs="*", default=[], help="strategies to omit")
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.folder.glob("*/*") if path.is_file())
    strategies = (*_POLICIES, *map(_fixed_name, _FIXED))
    wanted = [(s, path) for s in strategies if s not in arguments.without for path in paths]
    known = {(line["strategy"], line["path"]) for line in journal.lines(arguments.out)}
    todo = [(s, path) for s, path in wanted if (s, journal.name(path)) not in known]
    journal.run(_try, todo, arguments.out, arguments.jobs)
    _print(journal.lines(arguments.out))


def _fixed_name(quality: int) -> str:
    return f"AVIF at quality {quality}"


def _try(task: tuple[str, Path]) -> list[Line]:
    strategy, path = task
    if strategy in _POLICIES:
        found = row(path, policy_of(_POLICIES[strategy]), journal.upscalers())
    else:
        found = _at(int(strategy.rpartition(" ")[2]), path, policy_of({}))
    return [{"strategy": strategy, "path": journal.name(path), **asdict(found)}]


def _at(quality: int, path: Path, policy: Policy) -> Row:
    """Store an image at full size with a fixed quality, if it holds the floor."""
    data = path.read_bytes()
    with Image.open(path) as image:
        megapixels = image.width * image.height / 1e6
    plain = Row(path.name, len(data), len(data), "plain", 0, megapixels, 0.0, below=False)
    try:
        upload = parse_eligible(data, policy)
        pixels = decode_as(upload, data)
    except (Refused, OSError, ValueError, SyntaxError):
        return plain
    source = SourceImage(pixels, upload, len(data), b"", 1, max_stored(data, policy))
    state = SearchState(source, policy.floor, journal.upscalers(), Work(math.inf), "photo")
    chroma = "4:2:0" if upload.subsampling == "4:2:0" else "4:4:4"
    trial = trials.attempt(state, Candidate("recode", "avif", 1, None, chroma), quality, _SPEED)
    if trial.verdict != "holds":
        return plain
    name, size = "recode avif", len(data)
    return Row(path.name, size, trial.size, name, quality, megapixels, trial.seconds, below=False)


def _print(lines: Iterable[Mapping[str, Any]]) -> None:
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        rows[line["strategy"]].append(line)
    fixed = {name: rows[name] for name in map(_fixed_name, _FIXED) if name in rows}
    best = min(fixed, key=lambda name: _total(fixed[name], "stored"), default="")
    shown = [*_POLICIES, *([best] if best else [])]
    for text in _table(rows, [name for name in shown if name in rows], best):
        sys.stdout.write(text + "\n")


def _table(
    rows: Mapping[str, list[Mapping[str, Any]]], names: list[str], best: str
) -> Iterator[str]:
    ours = _total(rows[_REFEREE], "stored") if _REFEREE in rows else 0
    yield f"{'strategy':28}{'images':>7}{'uploaded':>12}{'stored':>12}{'saved':>8}  all tiers store"
    for name in names:
        uploaded, stored = _total(rows[name], "uploaded"), _total(rows[name], "stored")
        less = f"{1 - ours / stored:.1%} less" if name in (*_OTHERS, best) else ""
        yield (
            f"{name:28}{len(rows[name]):7}{uploaded:12,}{stored:12,}{1 - stored / uploaded:8.1%}  "
            f"{less}"
        )


def _total(rows: Iterable[Mapping[str, Any]], name: str) -> int:
    key = "upload" if name == "uploaded" else name
    return sum(int(line[key]) for line in rows)


if __name__ == "__main__":
    main()
