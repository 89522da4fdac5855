import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT


def test_workflows_have_few_rights() -> None:
    """They pin actions by commit, store no token for git and expand no text of strangers."""
    zizmor = Path(sys.executable).with_name("zizmor")
    command = [str(zizmor), "--offline", "--persona", "pedantic", str(ROOT / ".github")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
