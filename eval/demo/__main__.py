"""``python -m eval.demo`` in a checkout: ``slimgate demo``."""

import sys

from slimgate.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "demo")
    sys.exit(main())
