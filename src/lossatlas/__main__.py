"""``python -m lossatlas``: the command ``lossatlas``, for launchers such as torchrun that take a module."""

import sys

from lossatlas.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
