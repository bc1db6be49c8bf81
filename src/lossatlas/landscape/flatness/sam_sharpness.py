"""SAM sharpness: the rise of the loss along its gradient, as in sharpness-aware minimisation."""

from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lossatlas.choices import chosen
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.differentiating import check_gradient, check_width
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.gradient import loss_and_gradient
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey
from lossatlas.seeds import generator
from lossatlas.weight_space import Weights, flatten, unflatten


@survey(products=None)
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
    """SAM sharpness: the rise L(w + T z) - L(w) at z = rho T g / |T g|, with g the gradient (Foret et al. 2021).

    L is the mean loss over ``split``, as one batch, and w all parameters. Where the gradient is exactly zero, a
    random direction takes its place.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    rhos : sequence of float, default (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
        Radii of the ball, > 0.
    steps : int, default 1
        Steps of the ascent within |z| <= rho; the rise is the largest that it meets.
    normalize : {"none", "weight", "filter", "layer"}, default "none"
        T: the identity, or as large as the weight, its filter or its tensor; then the rise does not depend on how the
        weights' scale is distributed over the layers (ASAM: Kwon et al. 2021, with eta = 0, and with biases scaled as
        other weights are).
    seed : int, default 0
        Seed of the direction in place of a gradient of zero.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    engine : Engine, optional
        Batches and subsample; derivatives are in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Dimensionless: ``rise`` over (rho,), and the scalars ``loss`` and ``gradient_norm``, |T g|.

    Raises
    ------
    ValueError
        For a value out of its range.

    References
    ----------
    Foret et al. 2021, equation 2; Kwon et al. 2021, section 3.

    Examples
    --------
    >>> import torch
    >>> data = {"train": (torch.eye(2), torch.arange(2))}
    >>> problem = Problem(torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss(), data)
    >>> dataset = sam_sharpness(problem, rhos=[0.001])
    >>> bool(abs(dataset.rise / (0.001 * dataset.gradient_norm) - 1) < 0.01)  # to first order
    True
    """
    _check(rhos, steps)
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        attributes = {
            "survey": "sam_sharpness",
            "split": split,
            "steps": steps,
            "normalize": normalize,
            "seed": seed,
            **settings(ready),
        }
        header = {**attributes, "rhos": list(rhos), **identity(ready)}
        check_width(ready, "steps along the gradient")
        check_gradient(ready, split)
        ball = _Ball(ready, split, normalize=normalize, seed=seed)

        def measure(index: int) -> list[float]:
            return [ball.highest(rhos[index], steps) - ball.loss]

        rises = map_points(len(rhos), measure, journal=journal, header=header, progress=progress)[:, 0]
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


def scale_of(weights: Weights, normalize: str) -> Weights:
    """Diagonal of T, the size that each weight's perturbation has, relative to the others'.

    ``normalize``: "none": 1 (Foret et al. 2021); "weight": the weight's absolute value; "filter": the norm of
    its filter, a slice along the first axis of a tensor of two or more dimensions (both Kwon et al. 2021,
    section 3); "layer": the norm of its tensor. A tensor of one dimension is one filter. ValueError for
    another name.

    >>> scale_of({"w": torch.tensor([[3.0, -4.0], [0.0, 2.0]])}, "filter")
    {'w': tensor([[5., 5.],
            [2., 2.]])}
    """
    rule = chosen("normalize", normalize, _SCALES)
    return {name: rule(tensor) for name, tensor in weights.items()}


def _filter(weights: Tensor) -> Tensor:
    if weights.ndim < 2:
        return _layer(weights)
    norms = torch.linalg.vector_norm(weights, dim=tuple(range(1, weights.ndim)), keepdim=True)
    return norms.expand_as(weights)


def _layer(weights: Tensor) -> Tensor:
    return torch.linalg.vector_norm(weights).expand_as(weights)


_SCALES: dict[str, Callable[[Tensor], Tensor]] = {
    "none": torch.ones_like,
    "weight": torch.abs,
    "filter": _filter,
    "layer": _layer,
}


class _Ball:
    """The points w + T z with |z| <= rho around the weights w of ``ready``, (n,), and ascent within it.

    T is diagonal, as `scale_of` has it. Where the gradient is exactly zero, which leaves the direction open,
    one is drawn from ``seed``. The ready's weights are overwritten.
    """

    def __init__(self, ready: PreparedProblem, split: str, *, normalize: str, seed: int) -> None:
        self._ready = ready
        self._split = split
        self._live = {name: ready.weights[name] for name, _ in ready.model.named_parameters()}
        self._centre = flatten(self._live)
        self._scale = flatten(scale_of(self._live, normalize))
        self._seed = seed
        self.loss = ready.measure()[0]
        self.slope = self._slope()

    @property
    def steepness(self) -> float:
        """Norm of the gradient by z at the centre, |T g|: the rise by rho, to first order."""
        return _length(self.slope)

    def highest(self, rho: float, steps: int) -> float:
        """Largest loss found by ``steps`` steps of length ``rho``, each followed by a return into the ball.

        The first ends at z = rho T g / |T g|, where sharpness-aware minimisation looks (Foret et al. 2021,
        equation 2; Kwon et al. 2021).
        """
        z = torch.zeros_like(self._centre)
        slope, best = self.slope, np.nan
        for step in range(steps):
            if step:
                slope = self._slope()
            z = z + rho * self._unit(slope)
            z = z * min(1.0, rho / _length(z))
            self._move_to(z)
            best = float(np.fmax(best, self._ready.measure()[0]))  # a NaN is no maximum
        return best

    def _slope(self) -> Tensor:
        """Gradient by z at the prepared problem's present weights, T g."""
        _, gradient = loss_and_gradient(self._ready, self._split)
        return self._scale * flatten(gradient)

    def _unit(self, slope: Tensor) -> Tensor:
        length = _length(slope)
        if length == 0:
            drawn = torch.randn(len(slope), generator=generator(self._seed, "ascent"), dtype=torch.float64)
            return (drawn / drawn.norm()).to(slope)
        return slope / length

    def _move_to(self, z: Tensor) -> None:
        for name, tensor in unflatten(self._centre + self._scale * z, self._live).items():
            self._live[name].copy_(tensor)


def _length(vector: Tensor) -> float:
    return torch.linalg.vector_norm(vector, dtype=torch.float64).item()
