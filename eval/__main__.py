"""``python -m eval`` in a checkout: ``slimgate eval``."""

import sys

from slimgate.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "eval")
    sys.exit(main())
