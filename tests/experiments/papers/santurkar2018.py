"""Santurkar et al. 2018, "How does batch normalization help optimization?" (arXiv:1805.11604), section 3.1."""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("VGG on CIFAR-10", "batch_norm", {},
     {"data": "cifar10", "model": "VGG", "model.batch_norm": {True, False}}),
    ("steps from half of the rate to four times it", "batch_norm", {},
     {"values.rate": 0.1, "landscape.steps.survey.rates": [0.05, 0.1, 0.2, 0.4],
      "landscape.steps.survey.statistics": "batch"}),
]
