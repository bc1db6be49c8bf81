"""The picture of what a hill is: kernels of several widths, and the valley with a hill on its lowest place."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from lossatlas.figures.layout.arrangement import Datasets
from lossatlas.figures.layout.page import captioned, legend_over, page_over
from lossatlas.figures.style import colors_of, style
from lossatlas.optim.distancing import Kernel, Sigma
from lossatlas.toy.surfaces import Surface

SIZE = (7.2, 2.4, 1.9)  # inches: width, height of the valley, of the kernels
POINTS = 401


def figure(
    datasets: Datasets,
    *,
    surface: Surface,
    centre: float,
    kernels: Mapping[str, Kernel],
    sigmas: Sequence[float],
    strength: float,
    window: Sequence[float],
    reach: float,
    caption: str = "",
) -> Figure:
    """Over ``window`` the ``surface`` in one dimension, with a hill of the first of the ``kernels`` on ``centre``.

    A curve for each width of ``sigmas``, ``strength`` high at most. Below, each kernel over the distance from its
    centre, up to ``reach``, for the same widths. All are drawn from their formulas: of the ``datasets`` nothing is.
    """
    shades = colors_of(list(sigmas))
    x = np.linspace(window[0], window[1], POINTS)
    distance = np.linspace(0.0, reach, POINTS)
    ground = surface.heights(torch.from_numpy(x)[:, None]).numpy()
    first, hill = next(iter(kernels.items()))
    told = f"Top: the loss, and with a hill on its lowest place, {strength:g} times the kernel {first}."
    with style():
        width, high, low = SIZE
        page, (top, bottom) = page_over([high, low], width, captioned(told, caption))
        valley = top.subplots()
        for sigma, shade in zip(sigmas, shades, strict=True):
            valley.plot(x, ground + strength * kernel_at(hill, x - centre, sigma), color=shade)
        valley.plot(x, ground, color="black", linewidth=1.6)
        valley.set(xlabel="x", ylabel="loss", xlim=window)
        panels = bottom.subplots(1, len(kernels), sharey=True, squeeze=False)[0]
        for axis, (name, kernel) in zip(panels, kernels.items(), strict=True):
            _shapes(axis, kernel, distance, sigmas, shades)
            axis.set_title(name, fontweight="bold")
        panels[0].set_ylabel("kernel")
        legend_over(page, _key(sigmas, shades))
    return page


def kernel_at(kernel: Kernel, distance: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Value of a kernel of width ``sigma`` at each ``distance`` from its centre.

    >>> from lossatlas.optim.distancing import RBF
    >>> kernel_at(RBF(), np.array([0.0, 2.0]), sigma=2.0).round(3)
    array([1.   , 0.607])
    """
    precision = Sigma(sigma).precision(torch.ones(1, dtype=torch.float64))
    values: NDArray[np.float64] = kernel.value(precision * torch.from_numpy(distance).square()).numpy()
    return values


def _shapes(
    axis: Axes, kernel: Kernel, distance: NDArray[np.float64], sigmas: Sequence[float], shades: Sequence[str]
) -> None:
    for sigma, shade in zip(sigmas, shades, strict=True):
        axis.plot(distance, kernel_at(kernel, distance, sigma), color=shade)
    axis.set(xlabel="distance", xlim=(0, distance[-1]), ylim=(0, 1.03))


def _key(sigmas: Sequence[float], shades: Sequence[str]) -> list[Line2D]:
    ground = Line2D([], [], color="black", linewidth=1.6, label="without hill")
    return [
        ground,
        *(Line2D([], [], color=c, label=f"σ = {s:g}") for s, c in zip(sigmas, shades, strict=True)),
    ]
