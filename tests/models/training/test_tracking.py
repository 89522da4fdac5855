"""Tests of noting measurements."""

import importlib.util
import json
from contextlib import suppress
from pathlib import Path

import pytest

from slimgate.models.training.errors import NoTracking
from slimgate.models.training.tracking import tracking
from tests.models.training.samples import tiny_run

_RUN = tiny_run(None)


@pytest.fixture
def without_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let MLflow seem not to be installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


@pytest.mark.usefixtures("without_mlflow")
def test_measurements_go_into_a_file(tmp_path: Path) -> None:
    """Without MLflow each measurement is a line of JSON, and a resumed run appends."""
    for step in (1, 2):
        with tracking(_RUN, tmp_path / "run", None) as (track, said):
            track({"gain_db": 0.5 * step}, step)
    assert "MLflow is not installed" in said
    lines = (tmp_path / "run" / "measures.jsonl").read_text().splitlines()
    assert [*map(json.loads, lines)] == [{"step": 1, "gain_db": 0.5}, {"step": 2, "gain_db": 1.0}]


@pytest.mark.usefixtures("without_mlflow")
def test_servers_need_mlflow(tmp_path: Path) -> None:
    """A server that cannot be told anything is an error and not forgotten."""
    with (
        pytest.raises(NoTracking, match="MLflow is not installed"),
        tracking(_RUN, tmp_path, "http://127.0.0.1:1"),
    ):
        pass


@pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None,
    reason="MLflow is not installed; see the extra train",
)
def test_mlflow_keeps_one_run(tmp_path: Path) -> None:
    """Measurements go into one run of MLflow, also after an interruption."""
    with suppress(KeyboardInterrupt), tracking(_RUN, tmp_path, None) as (track, said):
        track({"gain_db": 0.5}, 1)
        raise KeyboardInterrupt
    with tracking(_RUN, tmp_path, None) as (track, _):
        track({"gain_db": 1.0}, 2)
    assert "MLflow" in said
    mlflow = importlib.import_module("mlflow")
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("slimgate")
    (run,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "gain_db")
    assert [(each.step, each.value) for each in history] == [(1, 0.5), (2, 1.0)]
    assert (run.info.status, run.info.run_name) == ("FINISHED", "tiny")
    assert (run.data.params["network.width"], run.data.params["scale"]) == ("4", "2")
