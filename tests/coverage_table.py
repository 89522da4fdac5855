"""Print how many lines of each package the tests have run, from the JSON report of coverage."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

REPORT: Final = Path(".slimgate/coverage/coverage.json")

_DEPTH: Final = 2
"""Packages below these are counted with them."""


def table(report: Mapping[str, Any]) -> Iterator[str]:
    """Make the table: statements, those that ran, and the share of them in percent.

    Args:
        report: What ``coverage json`` writes.
    """
    statements: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    for name, file in report["files"].items():
        package = ".".join(PurePosixPath(name).parent.parts[:_DEPTH])
        statements[package] += file["summary"]["num_statements"]
        covered[package] += file["summary"]["covered_lines"]
    yield _row("package", "statements", "covered", "share")
    for package in sorted(statements):
        yield _counted(package, statements[package], covered[package])
    yield _counted("coverage of all", statements.total(), covered.total())


def _counted(name: str, statements: int, covered: int) -> str:
    share = 100 * covered / statements if statements else 100.0
    return _row(name, f"{statements:,}", f"{covered:,}", f"{share:.1f} %")


def _row(name: str, statements: str, covered: str, share: str) -> str:
    return f"{name:<24}{statements:>12}{covered:>12}{share:>10}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table(json.loads(REPORT.read_text())))
