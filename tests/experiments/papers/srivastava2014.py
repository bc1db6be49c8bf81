"""Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (JMLR 15).

Its rates p are those of what is kept, here of what is dropped. Rate of learning and batch size are not printed.
"""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("figure 4: layers and units, with dropout", "dropout", {"model.dropout": 0.5, "model.input_dropout": 0.2},
     {"model.hidden": {tuple([width] * depth) for depth in (2, 3, 4) for width in (1024, 2048)}}),
    ("figure 4: the same without", "dropout", {"model.dropout": 0, "model.input_dropout": 0},
     {"model.hidden": {tuple([width] * depth) for depth in (2, 3, 4) for width in (1024, 2048)}}),
    ("figure 4: MNIST, momentum, max-norm", "dropout", {},
     {"data": "mnist", "model": "MLP", "model.activation": "relu", "optimizer": "SGD", "optimizer.momentum": 0.95,
      "optimizer.nesterov": False, "optimizer.weight_decay": 0, "regularizer": {"max_norm": {"norm": 2.0}}}),
    ("figure 4: a million updates, of 60,000 images", "dropout", {}, {"data.batch_size": 100, "epochs": 1667}),
]
