"""Robbins & Monro 1951 on sums of rates, Kingma & Ba 2015 (arXiv:1412.6980) on early means, a lecture on momentum.

They print no settings of what `step_sizes` draws; its surfaces, rates and networks are this project's.
"""

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("momentum of 0.8 and 0.9 on a slope", "step_sizes", {"experiment.method": "momentum", "study.loss": "Slope"},
     {"optimizer.momentum": {0.8, 0.9}, "optimizer.nesterov": False, "data.steps": 1}),
    ("a narrow pit and a wide one, for momentum of 0.9", "step_sizes",
     {"experiment.method": "momentum", "study.loss": "Pit"},
     {"study.loss.width": {0.1, 0.4}, "optimizer.momentum": 0.9, "optimizer.lr": 0.03}),
    ("a narrow pit at other rates", "step_sizes", {"study.loss": "Pit", "experiment.method": {"sgd", "slow", "fast"}},
     {("optimizer.momentum", "optimizer.lr"): {(0, 0.03), (0, 0.3), (0.9, 0.003)}}),
    ("Robbins & Monro: rates whose sum is infinite and whose squares' is not, under noise", "step_sizes",
     {"experiment.method": "inverse_time"}, {"rate factors": {0: 1, 0.4: 1 / 2, 23.6: 1 / 60}}),
    ("rates whose squares sum up to infinity as well", "step_sizes", {"experiment.method": "inverse_sqrt"},
     {"rate factors": {0: 1, 0.4: 2**-0.5, 23.6: 60**-0.5}}),
    ("rates whose sum is finite, 0.9 a step", "step_sizes", {"experiment.method": "exponential"},
     {"rate factors": {0: 1, 1: 0.0718}}),
    ("noise that stays", "step_sizes", {"study.loss": "Quadratic"},
     {"regularizer.gradient_noise": {"eta": 1.0, "gamma": 0.0}, "optimizer.lr": 0.2, "data.steps": 25}),
    ("Kingma & Ba: mean of squares, start corrected", "step_sizes", {"experiment.part": "slope", "optimizer": "Adam"},
     {"optimizer.betas": [0.9, 0.999], "values.kept.adam": 0.999}),
    ("RMSProp of Hinton's lecture", "step_sizes", {"optimizer": "RMSProp"},
     {"optimizer.alpha": 0.9, "values.kept.rmsprop": 0.9}),
    ("rates from a hundredth to ten times the best", "step_sizes", {"experiment.part": "network"},
     {("optimizer", "optimizer.lr"): {("Momentum", 0.001), ("Momentum", 0.01), ("Momentum", 0.1), ("Momentum", 1.0),
     ("Adam", 1e-5), ("Adam", 1e-4), ("Adam", 1e-3), ("Adam", 1e-2)}}),
]

CLAIMS = [
    ("lecture: ten times at 0.9, five at 0.8", "step_sizes", {"terminal velocity, 0.9": {"least": 9.9, "most": 10.1},
     "terminal velocity, 0.8": {"least": 4.95, "most": 5.05}}),
    ("1 - beta^t", "step_sizes", {"second moment, RMSProp": {"most": 1e-3}}),
]
