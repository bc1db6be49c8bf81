"""What `regularization` draws: name of the file -> function of the datasets and a caption."""

from collections.abc import Callable
from functools import partial, wraps

import xarray as xr

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import trends
from lossatlas.measures import at, named, percent

from .claims import sharpness, slope, test_error, test_loss, zeros

SIDE_BY_SIDE = {
    "none": "none",
    "cutout": "none",
    "mixup": "none",
    "l2": "medium",
    "l1": "medium",
    "l0": "medium",
}
NAMES = {
    "method": {
        "none": "nothing",
        "cutout": "cutout",
        "mixup": "mixup",
        "l2": "L2",
        "l1": "L1",
        "l0": "L0",
        "first_rise": "first rise",
        "best": "best epoch",
    },
}


def figures(v: Values) -> Figures:
    def small(weights: xr.Dataset) -> xr.DataArray:
        return percent(named(at(weights["small"], threshold=v.threshold), "small weights"))

    def under(attack: str) -> Callable[..., xr.DataArray]:
        def error(adversarial: xr.Dataset) -> xr.DataArray:
            return percent(at(adversarial["error"], split="test", attack=attack))

        return error

    def at_fgsm(adversarial: xr.Dataset) -> xr.DataArray:
        return at(under("fgsm")(adversarial), epsilon=v.epsilon)

    of_each: dict[str, Callable[..., xr.DataArray]] = {
        "test error": test_error,
        "exact zeros": zeros,
        "largest eigenvalue": sharpness,
        "squared Jacobian": slope,
    }
    clean = {"label_noise": 0.0, **v.penalties}
    corrupted = {"label_noise": v.corrupted, **v.penalties}
    return {
        "figure": partial(
            trends,
            measures={
                **{label: at_its_strength(measure) for label, measure in of_each.items()},
                "error under FGSM": at_its_strength(at_fgsm),
            },
            along="method",
            at={"method": list(SIDE_BY_SIDE)} | clean,
            names=NAMES,
        ),
        "strengths": partial(
            trends,
            measures={**of_each, f"|w| ≤ {v.threshold:g}": small},
            along="strength",
            by="method",
            at={"method": ["l2", "l1", "l0"], "strength": ["medium", "infinite"]} | clean,
            names=NAMES,
        ),
        "corrupted": partial(
            trends,
            measures={"test error": test_error, "test loss": test_loss, "epochs": epochs_trained},
            along="method",
            at={"method": ["none", "mixup", "first_rise", "best"], "strength": "none"} | corrupted,
            names=NAMES,
        ),
        "adversarial": partial(
            trends,
            measures={
                f"error under {attack.upper()}": at_its_strength(under(attack)) for attack in ("fgsm", "pgd")
            },
            along="epsilon",
            by="method",
            at={"method": ["none", "mixup", "l2", "l1"]} | clean,
            names=NAMES,
        ),
    }


def at_its_strength(measure: Callable[..., xr.DataArray]) -> Callable[..., xr.DataArray]:
    """The measure over the methods alone, of penalties at the strength that is compared with the others."""

    @wraps(measure)  # a figure sees by its arguments which datasets it reads
    def chosen(**datasets: xr.Dataset) -> xr.DataArray:
        values = measure(**datasets)
        each = [at(values, method=[method], strength=strength) for method, strength in SIDE_BY_SIDE.items()]
        return xr.concat(each, "method", combine_attrs="override")

    return chosen


def epochs_trained(history: xr.Dataset) -> xr.DataArray:
    trained = history["train_loss"].notnull().sum("epoch").astype(float)
    return named(trained.where(trained > 0), "epochs trained")
