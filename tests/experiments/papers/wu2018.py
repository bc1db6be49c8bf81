"""Wu & He 2018, "Group Normalization" (arXiv:1803.08494). Its ResNet-50 on ImageNet is a VGG-16 on CIFAR-10 here."""

COMPARED = [f"lossatlas.models.{kind}_normalization" for kind in ("batch", "group")]

# fmt: off
SETTINGS = [
    # where in the paper, experiments, which jobs, and what they have
    ("8 GPUs of N images each, 100 epochs, divided by 10 after 30, 60 and 90", "normalization", {"scheduler": "Step"},
     {"epochs": 100, "trainer.accumulate_grad_batches": 8, "optimizer.weight_decay": 1e-4,
     "rate factors": {0: 1, 29: 1, 30: 0.1, 59: 0.1, 60: 0.01, 89: 0.01, 90: 0.001}}),
    ("at a rate of 0.1 N / 32", "normalization", {"scheduler": "Step"},
     {("normalization._target_", "data.batch_size", "optimizer.lr"): {(kind, n, 0.1 * n / 32)
     for kind in COMPARED for n in (2, 4, 32)}}),
    ("32 groups", "normalization", {"normalization": "group_normalization"}, {"normalization.groups": 32}),
]

CLAIMS = [
    ("errors by images on a GPU", "normalization",
     {"N batch": (34.7, 27.3, 23.6), "N group": (24.1, 24.1), "N smallest": (34.7, 24.1), "N largest": (24.1, 23.6)}),
    ("flat to within 0.3", "normalization", {"N group": {"margin": 0.3}}),
]
