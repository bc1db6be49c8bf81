"""Forward passes of a network whose weights change from point to point."""

from lossatlas.landscape.forward.fitting import fitting_forward
from lossatlas.landscape.forward.plain import Forward, Plain, widened

__all__ = ["Forward", "Plain", "fitting_forward", "widened"]
