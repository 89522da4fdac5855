"""The Helm chart as its users meet it: rendered, and described."""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.compose import ROOT

CHART: Final = ROOT / "config" / "helm" / "slimgate"
VALUES: Final = tuple(sorted((CHART / "ci").glob("*-values.yaml")))
"""Files of values for which everything is tried."""

ENVIRONMENT: Final = Path(os.environ.get("SLIMGATE_DEPLOY", ROOT / ".venv-deploy"))
"""The environment of the tools: `make test-deploy` makes it."""

RELEASE: Final = "demo"
NAMESPACE: Final = "storage"

Resource = dict[str, Any]


def tool(name: str, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a program of the environment."""
    command = [ENVIRONMENT / "bin" / name, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def named(name: str) -> Path:
    """Return a file of values by what stands before ``-values.yaml``."""
    return CHART / "ci" / f"{name}-values.yaml"


@cache
def rendered(values: Path) -> str:
    """Return what Helm makes of the chart with these values.

    Raises:
        AssertionError: Helm refuses them.
    """
    done = tool("helm", "template", RELEASE, CHART, "--namespace", NAMESPACE, "--values", values)
    assert done.returncode == 0, done.stderr
    return done.stdout


def resources(values: Path, *kinds: str) -> list[Resource]:
    """Return the rendered resources of these kinds, or all."""
    found = (each for each in yaml.safe_load_all(rendered(values)) if each)
    return [each for each in found if not kinds or each["kind"] in kinds]


def key(resource: Resource) -> str:
    """Return kind and name."""
    return f"{resource['kind']}/{resource['metadata']['name']}"


def pod_specs(values: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the specification of each pod, and what makes it."""
    for each in resources(values, "Deployment", "Job", "CronJob", "Pod"):
        spec = each["spec"]
        if each["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        yield key(each), spec if each["kind"] == "Pod" else spec["template"]["spec"]


def schema() -> dict[str, Any]:
    """Return the schema of the values."""
    found: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    return found


def defaults() -> dict[str, Any]:
    """Return the values of a chart without further ones."""
    found: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    return found


def described(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path and schema of each value, and of what has parts, before these."""
    if path:
        yield path, node
    named = node.get("additionalProperties")
    parts = dict(node.get("properties", {}))
    if isinstance(named, dict) and "properties" in named:
        parts["NAME"] = named
    for name, each in parts.items():
        yield from described(each, f"{path}.{name}".removeprefix("."))


def reference() -> str:
    """Return the table of README.md.

    ``python -m tests.deploy.chart`` prints it.
    """
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, node in described(schema()):
        if path != "global":
            rows.append(f"| `{path}` | {_shown(path, node)} | {node['description']} |")
    return "\n".join(rows) + "\n"


def _shown(path: str, node: dict[str, Any]) -> str:
    """Return the default as the table shows it; nothing for what has parts or a name to choose."""
    if "properties" in node or "NAME" in path:
        return ""
    value: Any = defaults()
    for part in path.split("."):
        value = value[part]
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) < 100 else "[values.yaml](values.yaml)"


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201  # the program's result
