"""Dinh et al. 2017, "Sharp Minima Can Generalize For Deep Nets" (arXiv:1703.04933)."""

TWINS = ["twins_eigenvalues", "twins_sharpness", "twins_line", "twins_line_none"]

# fmt: off
SETTINGS = [
    ("section 3: a layer is multiplied, and the next divided, where nothing normalises",
     "direction_normalization", {"names of landscape": TWINS, "norms": 0},
     {f"landscape.{twins}.layers": "first" for twins in TWINS}),
    ("with batch norm, which swallows a factor, each layer is multiplied", "direction_normalization",
     {"names of landscape": TWINS, "norms": {8}},
     {f"landscape.{twins}.layers": "all" for twins in TWINS}),
    ("section 3: sharpness and the largest eigenvalue; beside them lines as Li et al. 2018 draw them or not",
     "direction_normalization", {"names of landscape": TWINS},
     {"landscape.twins_eigenvalues.survey": "eigenvalues", "landscape.twins_sharpness.survey": "sharpness",
     "landscape.twins_line.survey": {"normalize": "filter"},
     "landscape.twins_line_none.survey": {"normalize": "none"}, "optimizer.weight_decay": 5e-4,
     "data.batch_size": 128}),
]
