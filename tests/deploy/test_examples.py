"""The kustomize overlay builds, and scanners approve of everything that is deployed."""

import shutil
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.compose import ROOT
from tests.deploy.chart import CHART, NAMESPACE, RELEASE, VALUES, rendered, tool

_OVERLAY: Final = ROOT / "config" / "kustomize"
_TERRAFORM: Final = ROOT / "config" / "terraform"
_BARE: Final = "bare-values"
"""Values that switch off what scanners ask for."""


def test_the_overlay_builds(tmp_path: Path) -> None:
    """Kubectl takes what Helm renders, and changes what the overlay says."""
    folder = tmp_path / "kustomize"
    shutil.copytree(_OVERLAY, folder, ignore=shutil.ignore_patterns("slimgate.yaml"))
    values = ("--values", folder / "values.yaml")
    done = tool("helm", "template", RELEASE, CHART, "--namespace", NAMESPACE, *values)
    (folder / "slimgate.yaml").write_text(done.stdout)
    built = tool("kubectl", "kustomize", folder)
    assert built.returncode == 0, built.stderr
    found = [each for each in yaml.safe_load_all(built.stdout) if each]
    assert all(each["metadata"]["labels"]["team"] == "storage" for each in found)
    (deployment,) = (each for each in found if each["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["nodeSelector"]
    everything = tmp_path / "everything.yaml"
    everything.write_text(built.stdout)
    checked = tool("kubernetes-validate", "--strict", "--kubernetes-version", "1.35", everything)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.skipif(not shutil.which("node"), reason="the CDK needs node")
def test_scanners_approve(templates_folder: Path, tmp_path: Path) -> None:
    """Checkov finds nothing but what tests/deploy/checkov.yaml explains."""
    for values in VALUES:
        if values.stem != _BARE:
            (tmp_path / values.name).write_text(rendered(values))
    frameworks = ("kubernetes", "cloudformation", "terraform")
    words = (
        "--config-file",
        ROOT / "tests" / "deploy" / "checkov.yaml",
        "--framework",
        *frameworks,
    )
    folders = [tmp_path, templates_folder, _TERRAFORM]
    done = tool("checkov", *words, *(word for each in folders for word in ("--directory", each)))
    assert done.returncode == 0, done.stdout + done.stderr
    scanned = [line for line in done.stdout.splitlines() if line.endswith("scan results:")]
    assert {line.split()[0] for line in scanned} == set(frameworks)
