"""Made-up datasets in the layout of the experiment `sharpness`, smooth enough to be looked at.

Those of its networks VGG-9 lie over optimizer, weight decay, batch size and seed; `gathered` puts a ResNet beside them.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import xarray as xr

SMALL, MIDDLE, LARGE, DECAY = 16, 82, 164, 0.0005
SWEEP = {"optimizer": ["sgd", "adam"], "weight_decay": [0.0, DECAY], "batch_size": [SMALL, LARGE]}
# How steep the filter-normalised loss is, what the test error is, and where the weight norm ends.
STEEPNESS = {(0.0, SMALL): 4.0, (0.0, LARGE): 9.0, (DECAY, SMALL): 3.0, (DECAY, LARGE): 6.0}
ERROR = {(0.0, SMALL): 0.026, (0.0, LARGE): 0.041, (DECAY, SMALL): 0.021, (DECAY, LARGE): 0.036}
NORM = {(0.0, SMALL): 34.0, (0.0, LARGE): 21.5, (DECAY, SMALL): 9.0, (DECAY, LARGE): 16.0}
ADAM = {"steepness": 1.4, "error": 1.15, "norm": 1.2}

Cell = Callable[[str, float, int, np.random.Generator], Mapping[str, np.ndarray]]


def sweep(
    cell: Cell, dims: tuple[str, ...], coords: dict, *, seeds: int, batch_sizes: list[int]
) -> xr.Dataset:
    """One dataset over the sweep from a function of a network's settings and its own generator."""
    axes = {**SWEEP, "batch_size": batch_sizes, "seed": list(range(seeds))}
    shape = tuple(len(values) for values in axes.values())
    arrays: dict[str, np.ndarray] = {}
    for index in np.ndindex(shape):
        optimizer, decay, batch, seed = (values[i] for values, i in zip(axes.values(), index, strict=True))
        for name, values in cell(optimizer, decay, batch, np.random.default_rng([seed, *index])).items():
            full = arrays.setdefault(name, np.full(shape + np.shape(values), np.nan))
            full[index] = values
    variables = {name: ((*axes, *dims[: array.ndim - len(shape)]), array) for name, array in arrays.items()}
    return xr.Dataset(variables, {**axes, **coords})


def bowl(radius_squared: np.ndarray, steepness: float, split: int) -> tuple[np.ndarray, np.ndarray]:
    """A loss that grows like a bowl and then runs out linearly, and the error that goes with it."""
    loss = 0.02 + 0.06 * split + 2.5 * (np.sqrt(1 + steepness * radius_squared) - 1) ** 1.5
    return loss, 0.9 * (1 - np.exp(-loss)) + 0.01 * split


class Factory:
    """Datasets of the experiment `sharpness`; ``missing`` names optimizers without landscapes."""

    def __call__(self, *, seeds: int = 5, missing: tuple[str, ...] = ()) -> dict[str, xr.Dataset]:
        both = {"seeds": seeds, "batch_sizes": [SMALL, LARGE]}
        axis, path = np.linspace(-1, 1, 41), np.linspace(-0.5, 1.5, 81)
        split = {"split": ["train", "test"]}
        datasets = {
            "history": sweep(self.history, ("epoch",), {"epoch": np.arange(21)}, **both),
            "summary": sweep(self.summary, (), {}, **both),
            "weights": sweep(self.weights, ("bin",), {"bin": np.linspace(-1, 1, 201)}, **both),
            "line": sweep(
                self.line,
                ("direction", "split", "alpha"),
                {"direction": range(4), "alpha": axis, **split},
                **both,
            ),
            "surface": sweep(self.surface, ("split", "y", "x"), {"x": axis, "y": axis, **split}, **both),
            "interpolation": sweep(
                self.interpolation,
                ("split", "alpha"),
                {"alpha": path, **split},
                seeds=seeds,
                batch_sizes=[SMALL],
            ),
            "sharpness": sweep(self.sharpness, ("epsilon",), {"epsilon": [1e-3, 5e-4]}, **both),
        }
        for name in ("line", "surface", "interpolation", "sharpness"):
            for optimizer in missing:
                datasets[name] = datasets[name].where(datasets[name]["optimizer"] != optimizer)
        return datasets

    @staticmethod
    def resnet_of(vgg: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
        """What the sweep of a ResNet might give: SGD with weight decay, and a large batch of its own."""
        chosen = {name: vgg[name] for name in ("history", "summary", "line", "surface")}
        return {
            name: dataset.sel(optimizer=["sgd"], weight_decay=[DECAY]).assign_coords(
                batch_size=[SMALL, MIDDLE]
            )
            for name, dataset in chosen.items()
        }

    @staticmethod
    def gathered(vgg: Mapping[str, xr.Dataset], resnet: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
        """Both sweeps over the same axes, of which no model has all places."""
        both = {name: dataset.expand_dims(model=["vgg9"]) for name, dataset in vgg.items()}
        for name, dataset in resnet.items():
            both[name] = both[name].combine_first(dataset.expand_dims(model=["resnet56"]))
        axes = {"model": ["vgg9", "resnet56"], "batch_size": [SMALL, MIDDLE, LARGE]}
        return {name: dataset.reindex(axes) for name, dataset in both.items()}

    @staticmethod
    def scale(optimizer: str, what: str) -> float:
        return ADAM[what] if optimizer == "adam" else 1.0

    def steepness(self, optimizer: str, decay: float, batch: int, rng: np.random.Generator) -> float:
        return STEEPNESS[decay, batch] * self.scale(optimizer, "steepness") * rng.uniform(0.9, 1.1)

    def history(self, optimizer, decay, batch, rng):
        epoch = np.arange(21)
        end = NORM[decay, batch] * self.scale(optimizer, "norm") * rng.uniform(0.98, 1.02)
        loss = 2.3 * np.exp(-epoch / 4) + 0.01
        return {
            "weight_norm": end + (20 - end) * np.exp(-epoch / 6),
            "train_loss": loss,
            "train_error": loss / 3,
            "validation_error": loss / 3 + 0.02,
            "lr": np.full(21, 0.1),
        }

    def summary(self, optimizer, decay, batch, rng):
        error = ERROR[decay, batch] * self.scale(optimizer, "error") + rng.normal(0, 0.002)
        train = rng.choice([0.0, 0.001])
        values = {"test_error": error, "train_error": train, "test_loss": 3 * error, "train_loss": 0.01}
        return {**values, "test_nll": 3 * error, "test_calibration_error": error / 2}

    def weights(self, optimizer, decay, batch, rng):
        std = 0.004 * NORM[decay, batch] * rng.uniform(0.98, 1.02)
        bins = np.linspace(-1, 1, 201)
        return {
            "density": np.exp(-np.abs(bins) / std) / (2 * std),
            "std": np.array(std),
            "norm": np.array(NORM[decay, batch]),
        }

    def line(self, optimizer, decay, batch, rng):
        return self.along(self.steepness(optimizer, decay, batch, rng), rng)

    @staticmethod
    def along(steepness, rng):
        alpha = np.linspace(-1, 1, 41)
        steep = steepness * rng.uniform(0.8, 1.2, (4, 1))
        planes = [bowl(alpha**2 * (1 + 0.2 * alpha), steep, split) for split in (0, 1)]
        loss, error = (np.stack(parts, axis=1) for parts in zip(*planes, strict=True))
        return {"loss": loss, "error": error}

    def surface(self, optimizer, decay, batch, rng):
        x, y = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41))
        tilt = rng.uniform(-0.5, 0.5)
        steep = self.steepness(optimizer, decay, batch, rng)
        loss, error = zip(*(bowl(x**2 + y**2 + tilt * x * y, 2 * steep, s) for s in (0, 1)), strict=True)
        return {"loss": np.stack(loss), "error": np.stack(error)}

    def interpolation(self, optimizer, decay, batch, rng):
        """Without decay the valley around 0 is the wider one, with decay the one around 1."""
        alpha = np.linspace(-0.5, 1.5, 81)
        wide, narrow = rng.uniform(8, 12), rng.uniform(60, 90)
        around = (wide, narrow) if decay == 0.0 else (narrow, wide)
        loss, error = [], []
        for split in (0, 1):
            at_0, at_1 = (bowl((alpha - end) ** 2, steep, split) for end, steep in enumerate(around))
            loss.append(np.minimum(at_0[0], at_1[0]))
            error.append(np.minimum(at_0[1], at_1[1]))
        return {"loss": np.stack(loss), "error": np.stack(error)}

    def sharpness(self, optimizer, decay, batch, rng):
        base = 8.0 if batch == SMALL else 400.0
        return {"sharpness": base * rng.uniform(0.8, 1.2) * np.array([1.0, 0.4])}


@pytest.fixture
def sharpness_datasets() -> Factory:
    return Factory()
