"""``python -m models`` in a checkout: ``slimgate models``."""

import sys

from slimgate.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "models")
    sys.exit(main())
