"""Record measurements of a run: with MLflow if installed, else in a file."""

import importlib
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, TextIO

from slimgate.models.training.errors import NoTracking
from slimgate.models.training.settings import Run

_EXPERIMENT: Final = "slimgate"
_RUN_ID: Final = "mlflow-run.txt"
_FILE: Final = "measures.jsonl"


class Track(Protocol):
    """Records measurements."""

    def __call__(self, values: Mapping[str, float], step: int, /) -> None:
        """Record measurements of a step; a step may repeat after resuming."""
        ...


@contextmanager
def tracking(run: Run, folder: Path, url: str | None) -> Iterator[tuple[Track, str]]:
    """Open the destination of a run's measurements; a resumed run continues there.

    Args:
        run: configuration, recorded once.
        folder: folder of the run.
        url: MLflow server; None: MLflow files in the folder, or a plain file without MLflow.

    Yields:
        The recorder, and a sentence that says where measurements go.

    Raises:
        NoTracking: a server is configured and MLflow is not installed, or it does not respond.
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
    """Writes measurements as JSON lines."""

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
            # MLflow prefers a database for new projects, whose packages are ten times its size.
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
        """Record how the run ended."""
        with self._translated():
            self._client.set_terminated(self._id, status)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise NoTracking(f"MLflow at {self.url} failed: {error}") from error

    def _resumed(self, noted: Path) -> str | None:
        """Continue the run that was started here, unless the address changed."""
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
