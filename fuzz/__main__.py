"""Fuzz targets one after the other: ``python -m fuzz --seconds 60 [NAME …]``.

Corpora grow in ``.slimgate/fuzz``: of inputs that reach the same code, the shortest is kept. A
line per target says how many inputs ran, how fast, and what they cover. Inputs that fail are kept
in ``fuzz/crashes``.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fuzz.target import CRASHES, MAX_LENGTH, NAMES, Target

_WORK: Final = Path(".slimgate/fuzz")
_TIMEOUT_S: Final = 10
_SEED: Final = 1
_MEMORY_MIB: Final = 2048
_STATISTIC: Final = re.compile(r"stat::(\w+):\s+(\d+)")
_COVERED: Final = re.compile(r"cov: (\d+)")


def main(arguments: list[str] | None = None) -> int:
    """Fuzz, and return 1 if an input has failed."""
    parser = argparse.ArgumentParser(description="Fuzz parsers of slimgate.")
    parser.add_argument("--seconds", type=int, default=60, help="time for each target")
    parser.add_argument("--runs", type=int, help="inputs for each target, the same every time")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"targets: {', '.join(NAMES)}")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"unknown target: {', '.join(sorted(unknown))}")
    limits = [f"-max_total_time={options.seconds}"]
    if options.runs is not None:
        limits = [f"-runs={options.runs}", f"-seed={_SEED}"]
    failed = [each for each in options.names or NAMES if not _fuzzed(each, limits)]
    if failed:
        print(f"Inputs that fail are in {CRASHES}: {', '.join(failed)}")
    return 1 if failed else 0


def _fuzzed(name: str, limits: Sequence[str]) -> bool:
    """Fuzz a target; return whether no input failed."""
    corpus, seeds, words = _prepared(name)
    crashes = CRASHES / name
    crashes.mkdir(parents=True, exist_ok=True)
    done = _libfuzzer(
        name, *limits, f"-dict={words}", f"-artifact_prefix={crashes}/",
        "-print_final_stats=1", str(corpus), str(seeds),
    )  # fmt: skip
    numbers = dict(_STATISTIC.findall(done.stderr))
    covered = (_COVERED.findall(done.stderr) or ["0"])[-1]
    runs, rate = (
        int(numbers.get(each, 0)) for each in ("number_of_executed_units", "average_exec_per_sec")
    )
    print(
        f"{name:<12} {runs:>12,} inputs {rate:>8,}/s {covered:>6} edges  exit {done.returncode}",
        flush=True,
    )
    if done.returncode:
        print(done.stdout[-4000:] + done.stderr[-4000:], flush=True)
    if not any(crashes.iterdir()):
        crashes.rmdir()
    return done.returncode == 0


def _prepared(name: str) -> tuple[Path, Path, Path]:
    """Return the folders of the corpus and of seeds, and a dictionary."""
    target, folder = Target.named(name), _WORK / name
    corpus, seeds = folder / "corpus", folder / "seeds"
    for each in (corpus, seeds):
        each.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (seeds / str(number)).write_bytes(seed)
    words = folder / "words"
    lines = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.words)
    words.write_text("".join(f'"{line}"\n' for line in lines), "ascii")
    return corpus, seeds, words


def _libfuzzer(name: str, *options: str) -> "subprocess.CompletedProcess[str]":
    limits = [f"-timeout={_TIMEOUT_S}", f"-rss_limit_mb={_MEMORY_MIB}", f"-max_len={MAX_LENGTH}"]
    command = [sys.executable, "-m", "fuzz.one", name, *limits, *options]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


if __name__ == "__main__":
    sys.exit(main())
