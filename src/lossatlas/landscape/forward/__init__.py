"""Forward passes of a network whose weights change from point to point."""

from lossatlas.landscape.forward.plain import Forward, Plain

__all__ = ["Forward", "Plain", "fitting_forward"]


def fitting_forward(model, inputs, engine):
    return Plain(model)
