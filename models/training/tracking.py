"""Where measurements of a run go: to MLflow where it is installed, else into a file."""

import importlib
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, TextIO

from models.training.errors import NoTracking
from models.training.settings import Run

_EXPERIMENT: Final = "slimgate"
_RUN_ID: Final = "mlflow-run.txt"
_FILE: Final = "measures.jsonl"


class Track(Protocol):
    """Takes measurements."""

    def __call__(self, values: Mapping[str, float], step: int, /) -> None:
        """Note some measurements of a step; the same step may come again after a resumption."""
        ...


@contextmanager
def tracking(run: Run, folder: Path, url: str | None) -> Iterator[tuple[Track, str]]:
    """Open what takes the measurements of a run; a resumed run goes on in the same place.

    Args:
        run: What is trained; noted once.
        folder: Of the run.
        url: Of an MLflow server; None: MLflow's files in the folder, or a plain file without it.

    Yields:
        What takes measurements, and a sentence that says where they go.

    Raises:
        NoTracking: A server is named and MLflow is not installed, or it does not answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if importlib.util.find_spec("mlflow") is None:
        if url is not None:
            raise NoTracking("MLflow is not installed: pip install 'slimgate[train]'")
        with (folder / _FILE).open("a", encoding="utf-8") as file:
            yield _Lines(file), f"MLflow is not installed; measurements go to {folder / _FILE}"
        return
    mlflow = _MLflow(run, folder, url)
    try:
        yield mlflow, f"Measurements go to MLflow at {mlflow.url}"
    except BaseException:
        mlflow.close("KILLED")
        raise
    mlflow.close("FINISHED")


class _Lines:
    """Writes measurements as lines of JSON."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, values: Mapping[str, float], step: int, /) -> None:
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()


class _MLflow:
    """Sends measurements to MLflow."""

    def __init__(self, run: Run, folder: Path, url: str | None) -> None:
        self.url = url or (folder.resolve() / "mlruns").as_uri()
        if url is None:
            # MLflow wants a database for new work, which needs packages ten times its size.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        mlflow = importlib.import_module("mlflow")  # optional, and slow to import

        self._errors = mlflow.exceptions.MlflowException
        self._client = mlflow.MlflowClient(self.url)
        with self._translated():
            self._id = self._resumed(folder / _RUN_ID) or self._begun(run, folder / _RUN_ID)

    def __call__(self, values: Mapping[str, float], step: int, /) -> None:
        with self._translated():
            for name, value in values.items():
                self._client.log_metric(self._id, name, value, step=step)

    def close(self, status: str) -> None:
        """Say how the run ended."""
        with self._translated():
            self._client.set_terminated(self._id, status)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise NoTracking(f"MLflow at {self.url} failed: {error}") from error

    def _resumed(self, noted: Path) -> str | None:
        """Go on with the run that was begun here, unless it was begun at another address."""
        if not noted.exists():
            return None
        url, _, identity = noted.read_text(encoding="utf-8").strip().partition("\n")
        if url != self.url:
            return None
        self._client.update_run(identity, "RUNNING")
        return identity

    def _begun(self, run: Run, noted: Path) -> str:
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        experiment = (
            self._client.create_experiment(_EXPERIMENT) if found is None else found.experiment_id
        )
        identity: str = self._client.create_run(experiment, run_name=run.name).info.run_id
        for part, values in run.model_dump(mode="json", exclude={"start"}).items():
            for key, value in values.items() if isinstance(values, dict) else [("", values)]:
                self._client.log_param(identity, f"{part}.{key}".rstrip("."), str(value)[:500])
        noted.write_text(f"{self.url}\n{identity}\n", encoding="utf-8")
        return identity
