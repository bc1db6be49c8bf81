"""Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision" (arXiv:1512.00567), section 7."""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("a tenth of the target for all classes", "weight_growth", {"experiment.method": "smoothing"},
     {"study.loss": "CrossEntropyLoss", "study.loss.label_smoothing": 0.1}),
]
