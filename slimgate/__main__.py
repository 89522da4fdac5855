"""``python -m slimgate``: the command line, where the console script is not on the path."""

import sys
from pathlib import Path

# Python puts the working directory first. Nothing may be imported from there but slimgate itself.
if not sys.flags.safe_path and Path(sys.path[0]) != Path(__file__).parents[1]:
    del sys.path[0]

from slimgate.cli import main  # not before the path is safe

if __name__ == "__main__":
    sys.exit(main())
