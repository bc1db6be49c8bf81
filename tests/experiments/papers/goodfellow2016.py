"""Goodfellow et al. 2016, "Deep Learning", section 7.5.1."""

# fmt: off
SETTINGS = [
    # where in the book, experiments, which jobs, and what they have
    ("a share of the target for the other classes alone", "weight_growth", {"experiment.method": "other_classes"},
     {"study.loss": "OtherClassSmoothing", "study.loss.classes": 10, "study.loss.label_smoothing": 0.1}),
    ("a softmax without any regularisation", "weight_growth", {"experiment.method": "none"},
     {"study.loss": "CrossEntropyLoss", "study.loss.label_smoothing": 0.0, "optimizer.weight_decay": 0.0,
      "regularizer": {}}),
]
