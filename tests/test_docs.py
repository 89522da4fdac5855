"""The documents tell the truth about the program."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from slimgate.cli.commands import COMMANDS
from slimgate.cli.dispatch import parser
from slimgate.codec.reasons import Reason
from slimgate.codec.search.omissions import Omission
from slimgate.codec.search.verdicts import Verdict
from slimgate.config import reference
from slimgate.gateway.jobs.outcome import Failure
from slimgate.gateway.optimize import pipeline as put
from slimgate.gateway.restore import pipeline as get
from tests import documents
from tests.documents import DOCUMENTS, ROOT
from tests.e2e import images


def test_readme_names_every_setting() -> None:
    """The manual holds the table of settings exactly as the program describes them."""
    assert reference() in documents.text("docs/configuration.md")


@pytest.mark.parametrize(
    "row",
    [
        *(f"| `{reason.value}` | {reason.text} | {reason.advice} |" for reason in Reason),
        *(f"| `{verdict.value}` | {verdict.meaning} |" for verdict in Verdict),
        *(f"| `{failure.value}` | {failure.text} |" for failure in Failure),
        *(f"- {omission.value}" for omission in Omission),
    ],
)
def test_every_reason_is_documented(row: str) -> None:
    """The list of reasons, verdicts and omissions has each as the program describes it."""
    assert row in documents.text("docs/reasons.md").splitlines()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_named_in_documents_exist(name: str) -> None:
    """What a document names between backquotes as a path of the project is there."""
    assert [path for path in documents.paths(name) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_in_documents_lead_to_files(name: str) -> None:
    """What a document links to within the project is there."""
    assert [link for link in documents.links(name) if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_code_named_in_documents_exists(name: str) -> None:
    """A dotted name between backquotes is a module, class, function or constant."""
    assert [each for each in documents.code_names(name) if not documents.exists(each)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_in_documents_exist(name: str) -> None:
    """What a document tells people to run by ``python -m`` or ``make`` is there."""
    makefile = documents.text("Makefile")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert [each for each in documents.commands(name) if not documents.exists(each)] == []
    assert sorted(set(documents.targets(name)) - known) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_of_the_program_can_be_typed(name: str) -> None:
    """What a document shows as a command line of the program is one."""
    for line in documents.typed(name):
        parser().parse_args(shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_of_the_program_exist(name: str) -> None:
    """What a document calls a command of the program between backquotes is one."""
    known = {each.name for each in COMMANDS}
    named = {each.split()[1] for each in documents.quoted(name) if re.match("slimgate [a-z]", each)}
    assert named - known == set()


def test_the_manual_lists_all_commands() -> None:
    """The table has the commands of ``slimgate --help``, in their order."""
    rows = re.findall(
        r"^\| `slimgate ([\w-]+)` \|", documents.text("docs/command-line.md"), re.MULTILINE
    )
    assert rows == [each.name for each in COMMANDS]


def test_the_example_in_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The codec is used as a library as the manual shows it, on a photograph."""
    (block,) = (each for each in documents.blocks("docs/command-line.md") if "python\n" in each)
    monkeypatch.chdir(tmp_path)
    Path("photo.jpg").write_bytes(images.jpeg())
    names: dict[str, object] = {}
    exec(block.removeprefix("```python\n").removesuffix("```"), names)  # noqa: S102  # our own
    stored = Path("photo.rendition").stat().st_size
    assert stored < len(images.jpeg()) == len(names["file"])  # type: ignore[arg-type]


def test_steps_in_the_architecture_exist() -> None:
    """The diagrams of the architecture name steps as the pipelines do."""
    diagrams = [each for each in documents.blocks("ARCHITECTURE.md") if "mermaid" in each]
    named = {name for each in diagrams for name in re.findall(r"[a-z]+(?:_[a-z]+)+", each)}
    steps = {step.__name__ for step in (*put.STEPS, *get.STEPS)}
    assert "screen_request" in named
    assert named - steps == set()


def test_rooms_in_the_architecture_are_those_of_the_import_contract() -> None:
    """The diagram of rooms has the layers that import-linter checks, from top to bottom."""
    diagram = documents.text("ARCHITECTURE.md").partition("block-beta")[2].partition("```")[0]
    rows = [re.findall(r'(\w+)\["', line) for line in diagram.splitlines() if '["' in line]
    project = tomllib.loads(documents.text("pyproject.toml"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (
        each["layers"] for each in contracts if each.get("containers") == ["slimgate.gateway"]
    )
    rooms = [[room for room in row if room != "eval"] for row in rows]
    expected = ["cli", *layers, "codec | models", "config"]
    assert rooms == [re.split(r" [|:] ", layer) for layer in expected]


def test_manifests_of_kubernetes_can_be_read() -> None:
    """The RayJob in the manual is YAML with the fields that KubeRay requires."""
    (block,) = (each for each in documents.blocks("docs/ray.md") if each.startswith("```yaml"))
    job = yaml.safe_load(block.removeprefix("```yaml").removesuffix("```"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    for group in (cluster["headGroupSpec"], workers):
        (container,) = group["template"]["spec"]["containers"]
        assert container.keys() >= {"name", "image", "resources"}
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[0] == "slimgate"
    assert parser().parse_args(words[1:]).workers == workers["maxReplicas"] * int(
        workers["rayStartParams"]["num-cpus"]
    )
