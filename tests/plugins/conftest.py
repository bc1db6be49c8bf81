"""The helper module beside the tests on the path, that of the processes too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
