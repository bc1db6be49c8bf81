"""Ye et al. 2020, "Network Deconvolution" (arXiv:1905.11926)."""

TRAINED = {"data": "cifar10", "data.batch_size": 128, "scheduler": "Cosine"}
COMPARED = [f"lossatlas.models.{kind}" for kind in ("batch_normalization", "network_deconvolution")]

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("VGG-16, as the authors' code has it", "normalization", {},
     {"model": "VGG", "convolutions": [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512],
     "linear": ["512-10"], "dropouts": 0}),
    ("training", "normalization", TRAINED,
     {"optimizer": "Momentum", "optimizer.momentum": 0.9, "optimizer.nesterov": False,
     "optimizer.weight_decay": 1e-3, "scheduler.floor": 0, "trainer.accumulate_grad_batches": 1}),
    ("both networks after 1, 20 and 100 epochs", "normalization",
     TRAINED | {"optimizer.lr": {0.1}, "normalization._target_": set(COMPARED)},
     {("normalization._target_", "epochs"): {(kind, epochs) for kind in COMPARED for epochs in (1, 20, 100)}}),
    ("blocks of 64 channels, patches 3 pixels apart, 5 iterations", "normalization",
     {"normalization": "network_deconvolution"},
     {"normalization": {"block": 64, "stride": 3, "iterations": 5}}),
]

CLAIMS = [
    ("accuracies of VGG-16 on CIFAR-10", "normalization",
     {"deconvolution after the first epoch": (100 - 14.12, 100 - 74.18),
     "deconvolution after some epochs": (100 - 90.07, 100 - 93.25),
     "deconvolution after all epochs": (100 - 93.58, 100 - 94.56),
     "deconvolution early": (74.18 - 14.12, 94.56 - 93.58)}),
]
