"""Draws regularization.png: what regularisers do to weights, what augmentations do to digits, what dropping leaves."""

from collections.abc import Callable
from pathlib import Path

import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from lossatlas.data import CutMix, Cutout, GaussianNoise, Mixup, RandomCrop, digits
from lossatlas.figures.style import ERROR, LARGE, LOSS, SMALL, style
from lossatlas.models import PreActResNet
from lossatlas.models.dropping import dropped
from lossatlas.optim import L0, L1, L2, ElasticNet
from lossatlas.seeds import generator

STEPS, FEATURES, COEFFICIENT, RATE = 300, 50, 0.2, 0.1
PENALTIES = {"L1": (L1(1.0), LOSS), "L2": (L2(1.0), ERROR), "elastic": (ElasticNet(1.0, 0.5), SMALL)}
AUGMENTATIONS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "as it is": lambda inputs, targets, generator: (inputs, targets),
    "crop": RandomCrop(padding=1),
    "noise": GaussianNoise(0.5),
    "cutout": Cutout(size=4),
    "mixup": Mixup(classes=10),
    "cutmix": CutMix(classes=10),
}


def penalties(axis: Axes) -> None:
    """Penalties of one weight."""
    weights = torch.linspace(-2, 2, 201)
    for name, (penalty, color) in PENALTIES.items():
        axis.plot(weights, [penalty({"w": w[None]}) for w in weights], color=color, label=name)
    axis.plot([-2, 0, 0, 0, 2], [1, 1, 0, 1, 1], color=LARGE, label="L0")
    axis.set(title="Penalty of a weight", xlabel="weight", ylim=(-0.05, 2.1))
    axis.legend()


def steps(axis: Axes) -> None:
    """A weight after one step by the penalty alone, at a rate of 0.5."""
    weights = torch.linspace(-2, 2, 401)
    shrunk = {"w": weights.clone()}
    L1(1.0, step="proximal").project(shrunk, {"w": 0.5})
    axis.plot(weights, weights - 0.5 * weights.sign(), color=LOSS, linestyle=":", label="L1, subgradient")
    axis.plot(weights, shrunk["w"], color=LOSS, label="L1, proximal")
    axis.plot(weights, 0.5 * weights, color=ERROR, label="L2")
    axis.plot(weights, weights, color="0.8", zorder=0)
    axis.set(title="After a step at the rate 0.5", xlabel="weight before")
    axis.legend()


def zeros(axis: Axes) -> None:
    """Weights that are exactly zero in a regression of which 5 of 50 features matter."""
    draws = torch.Generator().manual_seed(1)
    x = torch.randn(100, FEATURES, generator=draws)
    y = x[:, :5] @ torch.tensor([3.0, -2.0, 1.5, 1.0, -1.0]) + 0.1 * torch.randn(100, generator=draws)
    for step, style_ in (("subgradient", ":"), ("proximal", "-")):
        penalty, w = L1(COEFFICIENT, step=step), (0.1 * torch.ones(FEATURES)).requires_grad_()
        sgd, counts = torch.optim.SGD([w], lr=RATE), []
        for _ in range(STEPS):
            sgd.zero_grad()
            (0.5 * (x @ w - y).square().mean() + penalty({"w": w})).backward()
            sgd.step()
            if penalty.project:
                penalty.project({"w": w}, {"w": RATE})
            counts.append(int((w == 0).sum()))
        axis.plot(counts, color=LOSS, linestyle=style_, label=step)
    axis.set(title="Exact zeros of 50 weights", xlabel="step", ylim=(-2, FEATURES))
    axis.legend()


def gates(axis: Axes) -> None:
    """Hard concrete gates as they are drawn."""
    torch.manual_seed(0)
    for log_alpha, color in ((-2.0, LARGE), (0.0, "0.5"), (2.0, SMALL)):
        drawn = L0(1.0).drawn(torch.full((50_000,), log_alpha)).numpy()
        axis.hist(
            drawn, bins=40, density=True, histtype="step", color=color, label=rf"$\log\alpha$ = {log_alpha:g}"
        )
    axis.set(title="Gates of L0", xlabel="gate", yscale="log")
    axis.legend()


def augmented(axes: list[Axes]) -> None:
    """One digit of a batch under each augmentation, with what is left of its target."""
    data = digits(batch_size=8, shape=(1, 8, 8), classes=10)
    inputs, targets = data.batch(seed=0, step=0)
    for axis, (name, change) in zip(axes, AUGMENTATIONS.items(), strict=True):
        images, mixed = change(inputs, targets, generator(3, "augment"))
        axis.imshow(images[1, 0], cmap="gray_r", vmin=-1, vmax=2.5)
        axis.set(title=name, xticks=[], yticks=[])
        shares = mixed[1].nonzero().flatten().tolist() if mixed.ndim > 1 else [int(mixed[1])]
        told = [f"{mixed[1][c]:.2f} of a {c}" if mixed.ndim > 1 else f"a {c}" for c in shares]
        axis.set_xlabel("\n".join(told))


def masks(axis: Axes, name: str, layer: nn.Module) -> None:
    """What a layer leaves of six maps of ones, side by side."""
    torch.manual_seed(3)
    left = layer.train()(torch.ones(1, 6, 6, 6))[0]
    picture = torch.cat([torch.nn.functional.pad(each, (0, 1), value=torch.nan) for each in left], dim=1)
    axis.imshow(picture[:, :-1], cmap="Blues", vmin=0, vmax=3)
    axis.set(title=name, xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def depths(axis: Axes) -> None:
    """Rates at which the branches of a network's blocks are dropped."""
    network = PreActResNet(56, stochastic_depth=0.5, width=2, input_shape=(1, 8, 8), classes=10)
    axis.bar(range(1, len(network.blocks) + 1), [block.depth.p for block in network.blocks], color=LOSS)
    axis.set(title="stochastic_depth=0.5", xlabel="block", ylabel="rate")


def draw() -> Figure:
    """Penalties and their steps, augmented digits, and what dropping leaves."""
    with style():
        figure = plt.figure(figsize=(9.6, 5.6), layout="constrained")
        above, middle, below = figure.subfigures(3, 1, height_ratios=[1.25, 0.9, 0.85])
        for axis, panel in zip(above.subplots(1, 4), (penalties, steps, zeros, gates), strict=True):
            panel(axis)
        augmented(list(middle.subplots(1, len(AUGMENTATIONS))))
        units, maps, blocks = below.subplots(1, 3, width_ratios=[2, 2, 1.3])
        masks(units, "dropout=0.5: single values", dropped(0.5))
        masks(maps, "spatial_dropout=0.5: whole maps", dropped(0.5, maps=True))
        depths(blocks)
        plt.close(figure)
    return figure


if __name__ == "__main__":
    with style():
        draw().savefig(Path(__file__).with_suffix(".png"), dpi=90, metadata={"Software": None})
