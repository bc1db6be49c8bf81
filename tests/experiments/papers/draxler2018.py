"""Draxler et al. 2018, "Essentially No Barriers in Neural Network Energy Landscape" (arXiv:1803.00885)."""

BANDS = {"study": "ElasticBand"}
END, OTHER_END = "study.ends.0.run", "study.ends.1.run"
NO_DECAY = {
    "lr": 0.1,
    "momentum": 0.9,
    "weight_decay": 0.0,
}  # the authors' configuration lists none for minima


def _ends(steps: int, batch_size: int, *, nesterov: bool) -> dict[str, object]:
    """Minima: the rate divided by ten at half and three quarters of the steps."""
    steps_per_epoch = -(-50_000 // batch_size)
    factors = {0: 1.0, steps // 2 - 2: 1.0, steps // 2 + 1: 0.1, 3 * steps // 4 + 1: 0.01}
    return {
        key: value
        for end, seed in ((END, 0), (OTHER_END, 10))
        for key, value in {
            f"{end}.seed": seed,
            f"{end}.data": "cifar10",
            f"{end}.data.batch_size": batch_size,
            f"{end}.epochs": -(-steps // steps_per_epoch),
            f"{end}.scheduler.interval": "step",
            f"rate factors of {end}": {step / steps_per_epoch: factor for step, factor in factors.items()},
            f"{end}.optimizer": NO_DECAY | {"nesterov": nesterov},
            f"{end}.regularizer": {},
        }.items()
    }


# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("residual networks by depth", "elastic_band", {"study": "ElasticBand", "model": "ResNet"},
     {"model.depth": {20, 32, 44, 56}, "model.width": 16}),
    ("small CNNs by width", "elastic_band", {"study": "ElasticBand", "model": "VGG"},
     {"model.width": {12, 24, 48, 96}, "model.layout": [1, "M"], "model.hidden": [5]}),
    ("DenseNet-40 with growth 12", "elastic_band", {"study": "ElasticBand", "model": "DenseNet"},
     {"layers": 40, "model.growth": 12, "model.bottleneck": False}),
    ("fourteen cycles, 4 of 1000 steps and 2 of 2000 at 0.1, 4 of 1000 at 0.01, 4 of 1000 at 0.001",
     "elastic_band", BANDS,
     {"cycles of a band": [*4 * [(1000, 0.1)], *2 * [(2000, 0.1)], *4 * [(1000, 0.01)], *4 * [(1000, 0.001)]],
     "rate factors": {50.0: 1.0}, "study": {"pivots": 3, "insert": 2, "positions": 9, "spring": None},
     "optimizer": {"momentum": 0.9, "nesterov": False, "weight_decay": 0.0},
     "regularizer.l2.weight_decay": 1e-4}),
    ("configurations of the authors' code", "elastic_band",
     {"study": "ElasticBand", "model": {"ResNet", "VGG"}},
     {"data.batch_size": 512, "epochs": -(-16_000 // -(-50_000 // 512))}),
    ("configurations of the authors' code", "elastic_band", {"study": "ElasticBand", "model": "DenseNet"},
     {"data.batch_size": 256, "epochs": -(-16_000 // -(-50_000 // 256))}),
    ("minima, 64,000 steps", "elastic_band", {"study": "ElasticBand", "model": {"ResNet", "VGG"}},
     _ends(64_000, 128, nesterov=False)),
    ("minima of DenseNets, 250,000 steps", "elastic_band",
     {"study": "ElasticBand", "model": "DenseNet"},
     _ends(250_000, 64, nesterov=True)),
    ("points of a path, with batch norm's statistics of each", "elastic_band", {},
     {"landscape.path.points": 61, "landscape.path.engine.evaluation": "recompute"}),
    ("straight lines, to the other minimum", "elastic_band", {"study": "Classifier"},
     {"landscape.path.through": [{"run": ["seed=10"]}]}),
    ("points of test error on CIFAR-10 (section 4.3), and lengths", "elastic_band", {},
     {"values.error_rise": 0.5, "values.shortest": 1.5, "values.longest": 2.5}),
]

CLAIMS = [
    ("section 4.3: the rise of the test error on CIFAR-10", "elastic_band", {"D error ResNet": (0.5,)}),
    ("bounds: of the test error (section 4.3), of lengths, and, ours, of the saddle", "elastic_band",
     {"D error ResNet": {"most": 0.5}} | {f"D length {family}": {"least": 1.5, "most": 2.5}
     for family in ("CNN", "ResNet")} | {f"D saddle {family}": {"most": 0.1} for family in ("CNN", "ResNet")}),
]
