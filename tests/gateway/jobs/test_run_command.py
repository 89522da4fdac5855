from datetime import UTC, datetime
from typing import Any

import pytest

from slimgate.config import Policies, Policy
from slimgate.gateway.jobs.actions import Action, Name
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.run_command import _check_plan
from slimgate.gateway.jobs.state.job_file import Digests, JobFile, Source

_POLICIES = Policies((Policy(name="p", bucket="photos", mode="optimize"),))


def _file(**changes: Any) -> JobFile:
    file = JobFile(
        bucket="photos",
        prefix="",
        source=Source(kind="list"),
        selection="policies",
        keys_per_shard=10,
        created=datetime(2030, 1, 1, tzinfo=UTC),
        digests=Digests.of(_POLICIES, "photos"),
        shards=1,
        rows=1,
        bytes=1,
        skipped={},
    )
    return file.model_copy(update=changes)


@pytest.mark.parametrize("name", ["optimize", "verify", "drain"])
def test_a_plan_of_today_runs(name: Name) -> None:
    """Nothing is said of a plan that is as it should be."""
    _check_plan(_file(), _POLICIES, Action(name), accept=False)


@pytest.mark.parametrize("name", ["policies", "restorers", "packages"])
def test_changed_digests_are_refused(name: str) -> None:
    """What decides the bytes must be as it was planned, unless the change is accepted."""
    file = _file()
    file = _file(digests=file.digests.model_copy(update={name: "other"}))
    with pytest.raises(UsageError, match=rf"its {name} have changed.*--accept-changes"):
        _check_plan(file, _POLICIES, Action("optimize"), accept=False)
    _check_plan(file, _POLICIES, Action("optimize"), accept=True)


@pytest.mark.parametrize("action", [Action("optimize"), Action("drain")])
def test_old_versions_are_not_replaced(action: Action) -> None:
    """A plan of old versions is for actions that only read."""
    with pytest.raises(UsageError, match="old versions"):
        _check_plan(_file(versions=True), _POLICIES, action, accept=False)
    _check_plan(_file(versions=True), _POLICIES, Action("verify"), accept=False)


def test_drain_leaves_nothing_out_by_its_size() -> None:
    """What was stored under a larger limit may be above today's, unless all keys are planned."""
    with pytest.raises(UsageError, match=r"5 objects .* size.*--all-keys"):
        _check_plan(_file(skipped={"size": 5}), _POLICIES, Action("drain"), accept=False)
    every = _file(skipped={"size": 5}, selection="all")
    _check_plan(every, _POLICIES, Action("drain"), accept=False)


def test_drain_leaves_nothing_out(capsys: pytest.CaptureFixture[str]) -> None:
    """What no policy names any more may be managed: drain refuses such a plan, verify says so."""
    file = _file(skipped={"no policy": 1234})
    with pytest.raises(UsageError, match=r"1,234 objects .*--all-keys"):
        _check_plan(file, _POLICIES, Action("drain"), accept=False)
    _check_plan(file, _POLICIES, Action("verify"), accept=False)
    assert "1,234 objects that no policy is for" in capsys.readouterr().err
    _check_plan(file, _POLICIES, Action("optimize"), accept=False)
