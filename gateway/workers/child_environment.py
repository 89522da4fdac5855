"""The environment of child processes, without the secrets that this process was given in it.

Settings reach children through their standard input.
"""

import os
from typing import Final

_SETTINGS: Final = "SLIMGATE_"
_AWS: Final = "AWS_"


def child_environment(*, aws: bool) -> dict[str, str]:
    """Return the environment for a child.

    Args:
        aws: It signs requests to AWS, and so needs the credentials of the default chain.
    """
    hidden = (_SETTINGS,) if aws else (_SETTINGS, _AWS)
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
