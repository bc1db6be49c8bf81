"""A lecture on optimisation, of minibatches."""

# fmt: off
SETTINGS = [
    # where in the lecture, experiments, which jobs, and what they have
    ("10,000 examples against 100", "minibatch_noise", {},
     {"values.few": 100, "values.many": 10_000, "values.images": 50_000}),
    ("the noise of gradient and Hessian, from one example on", "minibatch_noise", {"data.batch_size": 128},
     {"landscape.gradient.survey.sizes": [1, 10, 100, 1000, 10_000],
     "landscape.hessian.survey.sizes": [1, 10, 100, 1000, 10_000]}),
    ("stochastic, minibatch and batch gradient descent", "minibatch_noise", {"experiment.part": "examples"},
     {"data.batch_size": {1, 128, 50_000}}),
    ("second-order methods at small batches", "minibatch_noise", {"experiment.part": "second"},
     {"data.batch_size": {500, 50_000}}),
    ("second-order methods at small batches", "minibatch_noise", {"experiment.part": "second"},
     {"optimizer": "HessianFree"}),
    ("orders in which the examples come", "data_order", {"epochs": 100},
     {("data.order", "model.batch_norm"): {(order, norm) for norm in (True, False)
     for order in ("reshuffled", "shuffled_once", "with_replacement", "sorted")}}),
]

CLAIMS = [
    ("a hundred times the work for a tenth of the error", "minibatch_noise",
     {"cost-benefit": {"least": 8.5, "most": 11.5}}),
]
