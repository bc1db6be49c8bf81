"""Sharpness as sharpness-aware minimisation has it: the rise of the loss along its gradient."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import xarray as xr

from lossatlas.landscape.ascent import Ball
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.evaluation import identity, settings
from lossatlas.landscape.measuring.bench import opened
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.visiting.visit import Progress, visit


def sam_sharpness(
    problem: Problem,
    *,
    rhos: Sequence[float] = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    steps: int = 1,
    normalize: str = "none",
    seed: int = 0,
    split: str = "train",
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Rise of the loss L(w + T z) - L(w) at z = rho T g / |T g|, with g the gradient (Foret et al. 2021).

    L is the mean loss over ``split``, as one batch, and w all parameters. T is the identity, or with
    ``normalize`` "weight", "filter" or "layer" as large as the weight, its filter or its tensor; then the
    rise does not depend on how the weights' scale is distributed over the layers (ASAM: Kwon et al. 2021, with
    eta = 0, and with biases scaled as other weights are). With more ``steps`` the ascent goes on within |z| <=
    rho, and the rise is the largest that it meets. Where the gradient is exactly zero, a direction drawn from
    ``seed`` takes its place.

    Returns ``rise`` over (rho,), and the scalars ``loss`` and ``gradient_norm``, |T g|. ValueError for a value
    out of its range.

    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dataset = sam_sharpness(problem, rhos=[0.001])
    >>> bool(abs(dataset.rise / (0.001 * dataset.gradient_norm) - 1) < 0.01)  # to first order
    True
    """
    _check(rhos, steps)
    with opened(problem, splits=[split], engine=engine.for_derivatives()) as bench:
        attributes = {
            "survey": "sam_sharpness",
            "split": split,
            "steps": steps,
            "normalize": normalize,
            "seed": seed,
            **settings(bench),
        }
        header = {**attributes, "rhos": list(rhos), **identity(bench)}
        ball = Ball(bench, split, normalize=normalize, seed=seed)

        def measure(index: int) -> list[float]:
            return [ball.highest(rhos[index], steps) - ball.loss]

        rises = visit(len(rhos), measure, journal=journal, header=header, progress=progress)[:, 0]
    return xr.Dataset(
        {
            "rise": ("rho", rises, {"long_name": "rise of the loss within the ball", "units": "1"}),
            "loss": ((), ball.loss, {"long_name": "mean loss over the split", "units": "1"}),
            "gradient_norm": (
                (),
                ball.steepness,
                {"long_name": "norm of the normalised gradient", "units": "1"},
            ),
        },
        {"rho": ("rho", list(rhos), {"long_name": "radius of the ball", "units": "1"})},
        attributes,
    )


def _check(rhos: Sequence[float], steps: int) -> None:
    if not len(rhos) or not all(isfinite(rho) and rho > 0 for rho in rhos):
        raise ValueError(f"rhos must be positive numbers, got {list(rhos)}")
    if steps < 1:
        raise ValueError(f"steps must be >= 1, got {steps}")
