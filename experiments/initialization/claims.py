"""What mean-field theory says of signals in networks as they are drawn, and which depth can then be trained.

Variances follow the map of Poole et al. 2016 (arXiv:1606.05340), of which the gains of He et al. 2015 and others make
fixed points; orthogonal weights with tanh are nearly an isometry, with ReLU never (Pennington et al. 2017,
arXiv:1711.04735), and delta-orthogonal convolutions train plain networks of any depth (Xiao et al. 2018,
arXiv:1806.05393). But for the depth of 10,000 layers no number of theirs is at hand; thresholds are this project's own.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import xarray as xr

from lossatlas.claims import Claim, InRange, PairedDifference, PairedRatio, Trend, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, named, percent
from lossatlas.models import gain_of, second_moment

TANH, RELU = {"arm": "tanh_orthogonal"}, {"arm": "relu_orthogonal"}
GAUSSIAN_TANH, KAIMING = {"arm": "tanh_gaussian"}, {"arm": "relu_gaussian"}
LECUN = "relu_lecun"  # ReLU with weights of variance 1 / fan in, half of what it takes


def variance(signals: xr.Dataset) -> xr.DataArray:
    """Of the outputs of each hidden layer before their activation, by its number."""
    of_layers = at(signals["variance"], split="train").isel(layer=slice(None, -1))
    return of_layers.assign_coords(layer=1 + np.arange(of_layers.sizes["layer"]))


def theory(signals: xr.Dataset) -> xr.DataArray:
    """The same by the map of variances, layer after layer from the first one's."""
    found = variance(signals)
    layers = [found.isel(layer=0)]
    for _ in range(found.sizes["layer"] - 1):
        layers.append(mapped(layers[-1]))
    return named(xr.concat(layers, found["layer"]), "variance by the theory")


def mapped(variances: xr.DataArray) -> xr.DataArray:
    """What the map of variances makes of those of networks along the dimension ``arm``."""
    arms = xr.broadcast(variances["arm"], variances)[0].transpose(*variances.dims)
    return xr.apply_ufunc(np.vectorize(next_variance, otypes=[float]), variances, arms)


@cache
def next_variance(variance: float, arm: str) -> float:
    """Gain^2 E[f(z)^2], z from N(0, variance), of the activation of an arm; NaN of what was not surveyed."""
    if not np.isfinite(variance):
        return np.nan
    activation, gain = ("relu", 1.0) if arm == LECUN else (arm, gain_of(arm))
    return gain**2 * second_moment(activation, variance)


def step(signals: xr.Dataset) -> xr.DataArray:
    """Variance of a layer in what the theory makes of the layer before it, mean over the layers."""
    found = variance(signals)
    ratios = found.isel(layer=slice(1, None)) / mapped(found.isel(layer=slice(None, -1))).values
    return named(ratios.mean("layer", skipna=False), "variance relative to the theory's, per layer")


def decay(signals: xr.Dataset) -> xr.DataArray:
    """Factor per layer by which the variance changes, the geometric mean over the layers."""
    found = variance(signals)
    factor = (found.isel(layer=-1) / found.isel(layer=0)) ** (1 / (found.sizes["layer"] - 1))
    return named(factor, "factor of the variance per layer")


def _logs(jacobian: xr.Dataset) -> xr.DataArray:
    """Logarithms of the singular values, at each image and rank."""
    return xr.apply_ufunc(np.log, at(jacobian["singular_value"], split="train"))


def away_from_one(jacobian: xr.Dataset) -> xr.DataArray:
    """Factor by which a singular value typically differs from 1: exp of the root mean square of its logarithm."""
    squares = (_logs(jacobian) ** 2).mean(("example", "rank"), skipna=False)
    return named(xr.apply_ufunc(np.exp, squares**0.5), "typical factor of a singular value from 1")


def apart(jacobian: xr.Dataset) -> xr.DataArray:
    """Factor by which one typically differs from their geometric mean, which no gain changes under ReLU."""
    spread = _logs(jacobian).std(("example", "rank"), skipna=False)
    return named(xr.apply_ufunc(np.exp, spread), "typical factor from their mean")


def least_condition(jacobian: xr.Dataset) -> xr.DataArray:
    """Largest singular value over the smallest, at the image where they lie closest together."""
    return named(at(jacobian["condition"], split="train").min("example"), "least condition over the images")


def condition(jacobian: xr.Dataset) -> xr.DataArray:
    """The same at the median image."""
    of_images = at(jacobian["condition"], split="train")
    return named(of_images.median("example", skipna=False), "condition of the Jacobian")


def train_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["train_error"])


def sharpness(curvature: xr.Dataset) -> xr.DataArray:
    """Largest eigenvalue at the start."""
    return at(curvature["eigenvalue"], snapshot=0, end="largest", rank=1)


def non_convexity(curvature: xr.Dataset) -> xr.DataArray:
    """Smallest eigenvalue at the start, in the largest."""
    lowest = at(curvature["eigenvalue"], snapshot=0, end="smallest", rank=1)
    return named(-lowest / sharpness(curvature), "smallest eigenvalue relative to the largest")


def claims(v: Values) -> Iterator[Claim]:
    deep = {"depth": max(v.perceptron_depths)}
    deepest = {"depth": max(v.plain_depths)}

    def trained_depth(summary: xr.Dataset) -> xr.DataArray:
        """The greatest depth whose network trains; 1 where none does."""
        errors = at(summary["train_error"], depth=v.plain_depths)
        depths = xr.where(errors < v.untrained, errors["depth"], 1)
        return named(
            depths.where(errors.notnull()).max("depth", skipna=False), "deepest that trains", "layers"
        )

    for activation in v.activations:
        yield InRange(
            f"variance, {activation}",
            f"With {activation} a layer's variance is to within a tenth what the theory makes of the layer before it",
            step,
            least=0.9,
            most=1.1,
            at={"arm": activation, "depth": v.layers},
        )
    yield InRange(
        "variance, relu without its gain",
        "With ReLU and weights of variance 1 / fan in each layer halves the variance",
        decay,
        least=0.45,
        most=0.55,
        at={"arm": LECUN, "depth": v.layers},
    )
    yield InRange(
        "Isometry, tanh",
        "With orthogonal weights and tanh the Jacobian's singular values are near one: typically within a factor of 2",
        away_from_one,
        most=v.factor,
        at={**TANH, **deep},
    )
    yield InRange(
        "Isometry, ReLU",
        "With orthogonal weights and ReLU they are not, whatever the gain: typically farther than a factor of 2 from "
        "their own mean",
        apart,
        least=v.factor,
        at={**RELU, **deep},
    )
    yield InRange(
        "Isometry, ReLU, any draw",
        "With ReLU there is no image at which an orthogonal draw has a Jacobian of condition below 10",
        least_condition,
        least=10.0,
        at={**RELU, **deep},
    )
    yield Trend(
        "Isometry, ReLU by depth",
        "With ReLU the singular values of orthogonal networks spread with depth",
        apart,
        along="depth",
        among=v.perceptron_depths,
        at=RELU,
    )
    yield PairedRatio(
        "Isometry, Gaussian",
        "With tanh, Gaussian weights of the same variance are no isometry: ten times the condition",
        condition,
        greater=GAUSSIAN_TANH,
        lesser=TANH,
        factor=10,
        at=deep,
    )
    yield PairedRatio(
        "deepest",
        "Delta-orthogonal weights with tanh train plain networks twice as deep as Kaiming's with ReLU, and deeper",
        trained_depth,
        greater=TANH,
        lesser=KAIMING,
        factor=2,
        paper=printed(10_000, source="Xiao et al. 2018, abstract") if max(v.plain_depths) >= 10_000 else None,
    )
    yield PairedDifference(
        "deepest, by draw",
        "At the greatest depth tanh errs more with Gaussian weights of the same variance than with orthogonal ones",
        train_error,
        greater=GAUSSIAN_TANH,
        lesser=TANH,
        at=deepest,
    )
    yield PairedRatio(
        "curvature",
        "At the start the deepest network has ten times the largest eigenvalue under the delta-orthogonal draw that it "
        "has under Kaiming's, which lies on a plateau",
        sharpness,
        greater=TANH,
        lesser=KAIMING,
        factor=10,
        at=deepest,
    )
    yield InRange(
        "curvature, negative",
        "The delta-orthogonal draw is no bowl: the loss curves down at least a tenth as sharply as up",
        non_convexity,
        least=0.1,
        at={**TANH, **deepest},
    )
