"""Draws normalization.png: which values each normalisation takes together, and how far deconvolution whitens."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from lossatlas.deconvolution import inverse_root
from lossatlas.figures.style import colors_of, style
from lossatlas.models import (
    batch_normalization,
    group_normalization,
    instance_normalization,
    layer_normalization,
    network_deconvolution,
)

EXAMPLES, CHANNELS, PIXELS = 6, 8, 8
KINDS: dict[str, Callable[[nn.Module], None]] = {
    "batch": batch_normalization,
    "layer, RMS": layer_normalization,
    "instance": instance_normalization,
    "group, 2 groups": partial(group_normalization, groups=2),
    "deconvolution": partial(network_deconvolution, layers=None, block=4, iterations=15),
}


def together(normalize: Callable[[nn.Module], None]) -> np.ndarray:
    """Whether an output of the third example and channel feels each example's channel, (EXAMPLES, CHANNELS)."""
    torch.manual_seed(0)
    kept = nn.Conv2d(CHANNELS, CHANNELS, 1, groups=1, bias=False)
    nn.init.dirac_(kept.weight)
    network = nn.Sequential(kept, nn.BatchNorm2d(CHANNELS))
    normalize(network)
    x = torch.randn(EXAMPLES, CHANNELS, PIXELS, 1, requires_grad=True)
    layer = network[0] if normalize is KINDS["deconvolution"] else network
    layer(x)[2, 2, 0, 0].backward()
    assert x.grad is not None
    return (x.grad.abs() > 1e-9).any(-1).any(-1).numpy()


def draw_together(axis: Axes, kind: str) -> None:
    """Dark what is normalised together; the output lies where the frame is."""
    axis.imshow(together(KINDS[kind]), cmap="Blues", vmin=0, vmax=1.6, aspect="equal")
    axis.add_patch(plt.Rectangle((1.5, 1.5), 1, 1, fill=False, color="black"))
    axis.set_title(kind)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_xlabel("channel")


def draw_whitening(axis: Axes) -> None:
    """Variance, after so many iterations, of a direction that had the share of the norm of the covariance."""
    shares = np.logspace(-6, 0, 61)
    counts = (3, 5, 8, 15)
    for iterations, color in zip(counts, colors_of(list(counts)), strict=True):
        left = []
        for share in shares:
            rest = np.sqrt(max(1 - share**2, 0.0))  # so that the matrix has norm 1
            root = inverse_root(torch.diag(torch.tensor([share, rest], dtype=torch.float64)), iterations)
            left.append(share * root[0, 0].item() ** 2)
        axis.loglog(shares, left, color=color, label=f"{iterations} iterations")
    axis.axhline(1, color="0.6", linewidth=0.8)
    axis.set_title("deconvolution")
    axis.set_xlabel("variance of inputs / norm")
    axis.set_ylabel("variance once whitened")
    axis.set_ylim(1e-5, 3)
    axis.legend()


def draw() -> Figure:
    """A panel for each kind that takes values together, and one of whitening."""
    with style():
        figure = plt.figure(figsize=(9.6, 2.4), layout="constrained")
        axes = figure.subplots(1, len(KINDS) + 1, width_ratios=[1] * len(KINDS) + [2])
        for axis, kind in zip(axes, KINDS, strict=False):
            draw_together(axis, kind)
        axes[0].set_ylabel("example")
        draw_whitening(axes[-1])
        plt.close(figure)
    return figure


if __name__ == "__main__":
    with style():
        draw().savefig(Path(__file__).with_suffix(".png"), dpi=90, metadata={"Software": None})
