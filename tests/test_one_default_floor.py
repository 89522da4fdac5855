"""Every place that shows or uses the default floor has the same one."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bench import contest
from config import Floor, Policy
from eval.compare import policies
from eval.demo import hints
from eval.demo.roundtrip import Row
from eval.demo.servers import demo_policy

_ROOT: Final = Path(__file__).parents[1]
_DEFAULT: Final = Floor()
_FLOORS_OF_FILES: Final = ("config/example.yaml", "config/compose/slimgate.yaml")


def _policies(name: str) -> list[dict[str, Any]]:
    document = yaml.safe_load((_ROOT / name).read_text("utf-8"))
    found: list[dict[str, Any]] = document["policies"]
    return found


@pytest.mark.parametrize("name", _FLOORS_OF_FILES)
def test_configurations_to_start_from_have_it(name: str) -> None:
    """The examples state the default, or leave it out."""
    found = [Floor.model_validate(each.get("floor", {})) for each in _policies(name)]
    assert set(found) == {_DEFAULT}


def test_the_demo_has_no_floor_of_its_own() -> None:
    """Demo and `make serve` run under a policy of defaults, and judge by the same floor."""
    assert Policy.model_validate(demo_policy()).floor == _DEFAULT
    assert "floor" not in demo_policy()
    assert Row("a", "PNG", (9, 9), 2, 1).floor == _DEFAULT


def test_reports_and_benches_have_it() -> None:
    """A report without a policy file, and the benches, measure under the default."""
    assert policies.choose(None, None, "photos/", {})[0].floor == _DEFAULT
    assert contest.policy_of({}).floor == _DEFAULT


def test_the_demo_says_it() -> None:
    """The line that the demo prints names every number of the default."""
    said = [float(number) for number in re.findall(r">= ([\d.]+\d)", hints.policy_line())]
    assert said == [each for each in _DEFAULT.model_dump().values() if each is not None]


@pytest.mark.parametrize("name", ["docs/floors.md", "README.md"])
def test_documents_say_it(name: str) -> None:
    """Documents that state the default in words state this one."""
    text = (_ROOT / name).read_text("utf-8")
    sentence = (
        f"PSNR {_DEFAULT.psnr_db:g} dB, SSIM {_DEFAULT.ssim:g}, ORB {_DEFAULT.orb:g} and "
        f"{_DEFAULT.block_psnr_db:g} dB of the worst block"
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
