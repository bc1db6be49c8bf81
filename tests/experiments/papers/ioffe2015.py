"""Ioffe & Szegedy 2015, "Batch normalization" (arXiv:1502.03167), section 3.2."""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("before the nonlinearity, and the inputs themselves", "batch_norm", {"model.batch_norm": True},
     {"model.norm_position": {"before", "after"}}),
]
