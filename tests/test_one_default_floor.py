"""Every place that shows or uses the default fidelity has the same one."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bench import contest
from slimgate.config import Policy
from slimgate.config.floor import DEFAULT_FIDELITY, GUARDS, PRESETS
from slimgate.eval.compare import policies
from slimgate.eval.demo import baseline, hints
from slimgate.eval.demo.roundtrip import Row
from slimgate.eval.demo.servers import demo_policy
from slimgate.gateway.admin.playground import pages

_ROOT: Final = Path(__file__).parents[1]
_DEFAULT: Final = PRESETS[DEFAULT_FIDELITY]
_CONFIGURATIONS: Final = ("config/example.yaml", "config/compose/slimgate.yaml")


def _policies(name: str) -> list[dict[str, Any]]:
    document = yaml.safe_load((_ROOT / name).read_text("utf-8"))
    found: list[dict[str, Any]] = document["policies"]
    return found


@pytest.mark.parametrize("name", _CONFIGURATIONS)
def test_configurations_to_start_from_have_it(name: str) -> None:
    """The examples state the default, guards included, or leave it out."""
    found = [Policy.model_validate(each) for each in _policies(name)]
    assert {(each.fidelity, each.floor, each.guards) for each in found} == {
        (DEFAULT_FIDELITY, _DEFAULT, GUARDS)
    }


def test_the_demo_has_no_floor_of_its_own() -> None:
    """Demo and `make serve` run under a policy of defaults, and judge by the same floor."""
    assert Policy.model_validate(demo_policy()).floor == _DEFAULT
    assert not {"fidelity", "floor", "guards"} & demo_policy().keys()
    assert Row("a", "PNG", (9, 9), 2, 1).floor == _DEFAULT


def test_reports_and_benches_have_it() -> None:
    """A report without a policy file, baselines and benches measure under the default."""
    assert policies.choose(None, None, "photos/", {})[0].fidelity == DEFAULT_FIDELITY
    assert baseline.policy("fast").fidelity == DEFAULT_FIDELITY
    assert contest.policy_of({}).fidelity == DEFAULT_FIDELITY


def test_the_playground_offers_it() -> None:
    """Without a configured policy images are tried under the default."""
    assert pages.DEFAULTS.fidelity == DEFAULT_FIDELITY


def test_the_demo_says_it() -> None:
    """The line that the demo prints names the default and every number of it."""
    line = hints.policy_line(Policy.model_validate(demo_policy()))
    said = [float(number) for number in re.findall(r">= ([\d.]+\d)", line)]
    assert f"fidelity {DEFAULT_FIDELITY}" in line
    assert sorted(said) == sorted(_DEFAULT.model_dump(exclude_none=True).values())


@pytest.mark.parametrize("name", ["docs/floors.md", "docs/configuration.md"])
def test_documents_say_it(name: str) -> None:
    """Documents that state the default in words state this one."""
    text = (_ROOT / name).read_text("utf-8")
    sentence = (
        f"`fidelity: {DEFAULT_FIDELITY}`: a SSIMULACRA2 score of {_DEFAULT.ssimulacra2:g}, "
        f"{_DEFAULT.ssimulacra2_worst:g} for the worst region, and {_DEFAULT.orb:g} of ORB"
    )
    assert sentence in text


def test_nothing_else_states_a_floor() -> None:
    """No program but the settings spells a default floor out."""
    spelled = re.compile(r"0\.65\b")
    found = [
        str(path.relative_to(_ROOT))
        for folder in ("codec", "config", "eval", "gateway")
        for path in (_ROOT / folder).rglob("*")
        if path.suffix in {".py", ".yaml", ".html", ".js"}
        and spelled.search(path.read_text("utf-8"))
    ]
    assert set(found) <= {"config/floor.py", "config/example.yaml", "codec/measures/orb.py"}
