"""Where an optional package is missing, people are told what to install."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from slimgate.cli.extras import EXTRAS
from tests.documents import ROOT
from tests.e2e import images
from tests.servers.gateway import configuration, environment
from tests.servers.server import S3Server

_WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from slimgate.cli import main
sys.exit(main(sys.argv[1:]))
"""


def _run_without(
    packages: tuple[str, ...], *words: str, folder: Path
) -> "subprocess.CompletedProcess[str]":
    program = _WITHOUT.format(missing=packages)
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _config(folder: Path, **changes: object) -> str:
    path = folder / "slimgate.yaml"
    path.write_text(yaml.safe_dump(configuration(S3Server("http://127.0.0.1:1"), **changes)))
    return str(path)


_POLICY = {"name": "a", "bucket": "a", "mode": "optimize"}


@pytest.mark.parametrize(
    ("extra", "packages", "words", "changes"),
    [
        ("eval", ("moto",), ["demo"], {}),
        ("eval", ("skimage",), ["demo"], {}),
        ("ray", ("ray",), ["job", "run", "s3://jobs/1", "--do", "verify", "--runner", "ray"], {}),
        ("otel", ("opentelemetry",), ["serve"], {"tracing": {"endpoint": "http://127.0.0.1:1/"}}),
        ("gpu", ("torch",), ["serve"], {"engine": {"backend": "torch"}}),
        ("gpu", ("onnx",), ["check"], {"engine": {"backend": "torch"}}),
        ("gpu", ("torch",), ["models", "verify", "x.pth"], {}),
        ("train", ("torch",), ["models", "export", "x.pt", "--out", "x.onnx"], {}),
        ("lepton", ("lepton_jpeg_python",), ["check"],
         {"policies": [{**_POLICY, "exact_codec": "lepton"}]}),
    ],
)  # fmt: skip
def test_missing_extras_are_named(
    extra: str,
    packages: tuple[str, ...],
    words: list[str],
    changes: dict[str, object],
    tmp_path: Path,
) -> None:
    """The exit code is 2, the last line has the command, and there is no traceback."""
    config = _config(tmp_path, **changes)
    takes_it = words[0] in {"serve", "check", "job"}
    done = _run_without(
        packages, *words, *(["--config", config] if takes_it else []), folder=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"pip install 'slimgate[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_base_has_all_commands(tmp_path: Path) -> None:
    """Without any extra, every command can be parsed and completed, and a report be made."""
    optional = (*EXTRAS, "boto3")
    done = _run_without(optional, "completion", "bash", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(images.jpeg(64, 48))
    words = ("eval", "in", "--out", "out", "--effort", "fast", "--processes", "1")
    done = _run_without(optional, *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_every_extra_is_known() -> None:
    """Each optional package that can be missing brings its extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(EXTRAS.values()) == set(project["optional-dependencies"])
