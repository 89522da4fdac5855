"""The AWS templates, made by the CDK."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.compose import ROOT
from tests.deploy.chart import ENVIRONMENT

APP: Final = ROOT / "config" / "cdk"
REGION: Final = "us-east-1"

_QUIET: Final = {
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}

Template = dict[str, Any]


def synthesized(folder: Path) -> None:
    """Write the templates of both stacks into a folder.

    Raises:
        CalledProcessError: The app fails; its message is on standard error.
    """
    context = json.loads((APP / "cdk.json").read_text("utf-8"))["context"]
    environ = {**os.environ, **_QUIET, "CDK_OUTDIR": str(folder)}
    environ["CDK_CONTEXT_JSON"] = json.dumps(context)
    command: list[str | Path] = [ENVIRONMENT / "bin" / "python", "-m", "stacks"]
    subprocess.run(command, cwd=APP, env=environ, check=True)


def templates_in(folder: Path) -> dict[str, Template]:
    """Return the templates of a folder by stack."""
    return {
        path.name.partition(".")[0]: json.loads(path.read_text("utf-8"))
        for path in folder.glob("*.template.json")
    }


def of_type(template: Template, kind: str) -> list[dict[str, Any]]:
    """Return the properties of all resources of a type, such as ``S3::Bucket``."""
    found = template["Resources"].values()
    return [each.get("Properties", {}) for each in found if each["Type"] == f"AWS::{kind}"]


def text(value: object) -> str:
    """Return a text that CloudFormation would join, with the names of references."""
    if not isinstance(value, dict):
        return str(value)
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(text(part) for part in argument[1])
    known = {"AWS::Region": REGION, "AWS::URLSuffix": "amazonaws.com"}
    name = argument if isinstance(argument, str) else ".".join(argument)
    return known.get(name, name)
