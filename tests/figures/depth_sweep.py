"""Made-up datasets of a sweep over depth, skip connections and seeds, shaped as surveys shape theirs."""

import numpy as np
import xarray as xr

AXES = {"depth": [20, 56, 110], "skip": [True, False], "seed": [0, 1, 2, 3, 4]}
GRID = np.linspace(-1, 1, 15)
SPLITS = {"split": ["train", "test"]}


def _over_the_sweep(cell, dims, coords):
    """Dataset of what ``cell(depth, skip, rng)`` gives for each network."""
    shape = tuple(len(values) for values in AXES.values())
    arrays = {}
    for index in np.ndindex(shape):
        depth, skip, seed = (values[i] for values, i in zip(AXES.values(), index, strict=True))
        for name, values in cell(depth, skip, np.random.default_rng([depth, skip, seed])).items():
            arrays.setdefault(name, np.empty(shape + np.shape(values)))[index] = values
    own = {name: tuple(dims[name]) for name in arrays}
    return xr.Dataset(
        {name: ((*AXES, *own[name]), array) for name, array in arrays.items()}, {**AXES, **coords}
    )


def _bowl(depth, skip, rng):
    """Steeper and more rugged the deeper a network without skip connections is."""
    x, y = np.meshgrid(GRID, GRID)
    rugged = 0.0 if skip else depth / 100
    waves = rugged * (np.sin(7 * x + rng.uniform(0, 6)) + np.cos(8 * y)) ** 2
    return 0.01 + (8 + depth / 20) * rng.uniform(0.9, 1.1) * (x**2 + 0.8 * y**2 + 0.3 * x * y) + waves


def summary(depth, skip, rng):
    error = 0.06 + (0 if skip else depth / 1000) + rng.normal(0, 0.003)
    return {"test_error": error, "train_loss": error / 10}


def surface(depth, skip, rng):
    train = _bowl(depth, skip, rng)
    loss = np.stack([train, train + 0.2])
    return {"loss": loss, "error": 0.9 * (1 - np.exp(-loss))}


def line(depth, skip, rng):
    train = _bowl(depth, skip, rng)[[7, 8, 6]]  # three directions
    return {"loss": np.stack([train, train + 0.2], axis=1)}


def convexity(depth, skip, rng):
    return {"ratio": rng.uniform(0, 0.1 if skip else 0.4, (15, 15))}


def trajectory(depth, skip, rng):
    epochs = np.arange(13)
    x = 20 * np.exp(-epochs / 4) * rng.uniform(0.8, 1.2)
    y = 5 * np.sin(epochs / 4) * rng.uniform(0.8, 1.2)
    across, up = np.linspace(-4, 28, 15), np.linspace(-8, 8, 15)
    loss = 0.05 + (across**2 + 10 * (up[:, None] - 0.1 * across) ** 2) / 60
    return {
        "loss": loss[None],
        "path_x": x,
        "path_y": y,
        "explained_variance_ratio": rng.dirichlet([60, 20, 5]),
        "x_values": across,
        "y_values": up,
    }


def datasets() -> dict[str, xr.Dataset]:
    """The sweep's "summary", and landscapes surface, line, convexity and trajectory."""
    grid = {"x": GRID, "y": GRID}
    return {
        "summary": _over_the_sweep(summary, {"test_error": (), "train_loss": ()}, {}),
        "surface": _over_the_sweep(
            surface, dict.fromkeys(("loss", "error"), ("split", "y", "x")), {**SPLITS, **grid}
        ),
        "line": _over_the_sweep(
            line, {"loss": ("direction", "split", "alpha")}, {**SPLITS, "direction": range(3), "alpha": GRID}
        ),
        "convexity": _over_the_sweep(convexity, {"ratio": ("y", "x")}, grid),
        "trajectory": _over_the_sweep(
            trajectory,
            {
                "loss": ("split", "y", "x"),
                **dict.fromkeys(("path_x", "path_y"), ("snapshot",)),
                "explained_variance_ratio": ("component",),
                "x_values": ("x",),
                "y_values": ("y",),
            },
            {
                "split": ["train"],
                "snapshot": range(13),
                "component": [1, 2, 3],
                "x": range(15),
                "y": range(15),
            },
        ),
    }
