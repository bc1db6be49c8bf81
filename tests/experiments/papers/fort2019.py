"""Fort & Jastrzebski 2019, "Large Scale Structure of Neural Network Loss Landscapes" (arXiv:1906.04724).

Its settings are not at hand: those of `tunnels` and `low_loss_surface` at scale paper are Garipov et al.'s
(garipov2018.py).
"""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("tunnels: the width around a whole trained curve, at a rise by a hundredth and by a tenth", "tunnels",
     {"names of landscape": ["tunnel"]},
     {"landscape.tunnel": {"through": {"curve": []}, "levels": [0.01, 0.1], "relative": True}
     | {"normalize": "none", "split": "train"}, "landscape.tunnel.engine.evaluation": "eval"}),
    ("surfaces of low loss: three optima", "tunnels", {"names of landscape": ["path"]},
     {"seeds of study.ends": [0, 10, 20]}),
    ("surfaces of low loss: three optima", "low_loss_surface", {"study": "Triangle"},
     {"seeds of study.ends": [0, 10, 20], "study.curve": {"bends": 1}, "regularizer.l2.weight_decay": 0.0005}),
    ("surfaces of low loss: the same three, flat", "low_loss_surface", {"experiment.surface": "flat"},
     {"seeds of landscape.triangle.control_points": [10, 20], "optimizer.weight_decay": 0.0005}),
    ("wedges: many, in many dimensions, with few short directions", "wedges", {},
     {"experiment.surface.wedges": 50, "data.classes": 40}),
    ("wedges: of several numbers of short directions", "wedges", {"names of landscape": ["path", "tunnel"]},
     {"experiment.surface.short": {5, 10, 20}}),
    ("curves: two", "tunnels", {"names of landscape": ["tunnel"]}, {"seeds of study.ends": [0, 10]}),
]

CLAIMS = [
    ("a low-loss surface joins three optima: its rise", "tunnels", {"three optima": {"most": 0.1}}),
]
