"""``python -m gateway`` in a checkout: the command line, where serving is the default."""

import sys

from slimgate.cli import main

if __name__ == "__main__":
    if not sys.argv[1:] or (sys.argv[1].startswith("-") and sys.argv[1] not in {"-h", "--help"}):
        sys.argv.insert(1, "serve")
    sys.exit(main())
