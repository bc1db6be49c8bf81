"""Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters" (arXiv:1602.07360).

Its training is not at hand; at scale paper the data are CIFAR-10.
"""

# fmt: off
_FIRE = {"model.s1x1": 0.25, "model.e1x1": 1.0, "model.e3x3": 1.0}

SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("AlexNet beside SqueezeNet, neither with batch norm", "squeezenet", {},
     {"model": {"AlexNet", "SqueezeNet"}}),
    ("neither has batch norm, and both drop half", "squeezenet", {},
     {"model.batch_norm": False, "model.dropout": 0.5}),
    ("fire modules squeeze to a quarter of either expanding convolution, without bypass, pooled late", "squeezenet",
     {"experiment.network": "squeezenet"},
     _FIRE | {"model.bypass": "none", "model.layout": ["M", 1, 1, "M", 2, 2, "M", 3, 3, 4, 4]}),
    ("figure 2: bypasses", "squeezenet", {"experiment.network": "simple"}, _FIRE | {"model.bypass": "simple"}),
    ("figure 2: bypasses with a 1x1 convolution", "squeezenet", {"experiment.network": "complex"},
     _FIRE | {"model.bypass": "complex"}),
    ("strategy 1 off: 3x3 filters in place of 1x1", "squeezenet", {"experiment.network": "filters"},
     {"model.s1x1": 0.25, "model.e1x1": 0, "model.e3x3": 2}),
    ("strategy 2 off: 3x3 filters see all channels", "squeezenet", {"experiment.network": "unsqueezed"},
     {"model.s1x1": None, "model.e1x1": 1.0, "model.e3x3": 1.0}),
    ("strategy 3 off: downsampled early", "squeezenet", {"experiment.network": "early"},
     _FIRE | {"model.layout": ["M", "M", "M", 1, 1, 2, 2, 3, 3, 4, 4]}),
]

CLAIMS = [
    ("title: 50x fewer parameters", "squeezenet", {"parameters": (50,)}),
    ("abstract: 510x smaller than AlexNet", "squeezenet",
     {"compressed size": {"printed": (510,), "least": 510}}),
]
