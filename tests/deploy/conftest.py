from pathlib import Path

import pytest

from tests.deploy.cloud import synthesized


@pytest.fixture(scope="session")
def templates_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesize the AWS templates once, which takes the CDK many seconds."""
    folder = tmp_path_factory.mktemp("cdk")
    synthesized(folder)
    return folder
