"""``python -m gate`` and the program ``gate``."""

import sys

from gate.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
