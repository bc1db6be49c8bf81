"""Ascent of the loss within a small ball around the weights, as in sharpness-aware minimisation."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lossatlas.landscape.choices import chosen
from lossatlas.landscape.gradient import loss_and_gradient
from lossatlas.landscape.measuring.bench import Bench
from lossatlas.landscape.weight_space import Weights, flatten, unflatten
from lossatlas.seeds import generator


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


class Ball:
    """The points w + T z with |z| <= rho around the weights w of ``bench``, (n,), and ascent within it.

    T is diagonal, as `scale_of` has it. Where the gradient is exactly zero, which leaves the direction open,
    one is drawn from ``seed``. The bench's weights are overwritten.
    """

    def __init__(self, bench: Bench, split: str, *, normalize: str, seed: int) -> None:
        self._bench = bench
        self._split = split
        self._live = {name: bench.weights[name] for name, _ in bench.model.named_parameters()}
        self._centre = flatten(self._live)
        self._scale = flatten(scale_of(self._live, normalize))
        self._seed = seed
        self.loss = bench.measure()[0]
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
            best = float(np.fmax(best, self._bench.measure()[0]))  # a NaN is no maximum
        return best

    def _slope(self) -> Tensor:
        """Gradient by z at the bench's present weights, T g."""
        _, gradient = loss_and_gradient(self._bench, self._split)
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
