"""Pictures, surfaces and numbers of landscapes sent to an experiment tracker; one without a place goes without."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from lossatlas.figures import PICTURES, picture
from lossatlas.figures.experiments.interactive_surfaces import one_surface
from lossatlas.measures import width

_WIDTH_LEVEL = 1.0
"""Loss below which widths along lines are measured, as the claims of `sharpness` have it."""


def log_picture(logger: Logger, name: str, dataset: xr.Dataset, step: int | None = None) -> None:
    """Send the picture of the landscape ``name``, where its survey has one, as that of training's ``step``."""
    if dataset.attrs.get("survey") not in PICTURES:  # as one of the user's own
        return
    if isinstance(logger, WandbLogger):
        import wandb

        _log_at(logger, {f"landscape/{name}": wandb.Image(picture(dataset))}, step)
    elif isinstance(logger, TensorBoardLogger):
        logger.experiment.add_figure(f"landscape/{name}", picture(dataset), global_step=step)


def _log_at(logger: WandbLogger, values: Mapping[str, Any], step: int | None) -> None:
    if step is not None and hasattr(logger, "log_at"):  # ours, whose module need not be imported for others
        logger.log_at(step, values)
    else:
        logger.experiment.log({**values, **({} if step is None else {"trainer/global_step": step})})


def log_landscapes(logger: Logger, datasets: Mapping[str, xr.Dataset], step: int | None = None) -> None:
    """Send a run's landscapes: a picture of each; to W&B also the surface to turn by hand, sums of it, and all.

    ``step`` is the one after those of training and of what was sent before.
    """
    for name, dataset in datasets.items():
        log_picture(logger, name, dataset, step)
        if isinstance(logger, WandbLogger):
            _log_whole(logger, name, dataset, step)


def _log_whole(logger: WandbLogger, name: str, dataset: xr.Dataset, step: int | None) -> None:
    import wandb

    if {"x", "y"} <= set(dataset["loss"].dims if "loss" in dataset else ()):
        page = one_surface(dataset).to_html(include_plotlyjs="cdn")
        _log_at(logger, {f"landscape/{name} in 3-D": wandb.Html(page)}, step)
    logger.experiment.summary.update(_scalars(name, dataset))
    logger.experiment.log_artifact(_artifact(name, dataset, logger.experiment.id))


def _artifact(name: str, dataset: xr.Dataset, run: str) -> Any:
    """W&B's artifact of a landscape: its netCDF file, where there is one, else a file written for it.

    A file of the store is never changed, so that W&B need not copy it until it is sent.
    """
    import wandb

    metadata = {key: np.asarray(value).tolist() for key, value in dataset.attrs.items()}
    artifact = wandb.Artifact(f"{name}-{run}", type="landscape", metadata=metadata)
    kept = Path(dataset.encoding.get("source", ""))
    if kept.is_file():
        artifact.add_file(str(kept), f"{name}.nc", policy="immutable")
    else:
        with artifact.new_file(f"{name}.nc", mode="wb") as file:
            file.write(dataset.to_netcdf(engine="h5netcdf"))
    return artifact


def _scalars(name: str, dataset: xr.Dataset) -> dict[str, float]:
    """Numbers that sum a landscape up: its variables of a few values, such as norms and sharpness, and its width."""
    scalars = _widths(name, dataset) if "alpha" in dataset.dims else {}
    for variable, values in dataset.data_vars.items():
        if values.size <= 4 and values.dtype.kind == "f":
            for index, value in enumerate(values.values.ravel()):
                scalars[f"{name}/{variable}" + (f"/{index}" if values.size > 1 else "")] = float(value)
    return scalars


def _widths(name: str, dataset: xr.Dataset) -> dict[str, float]:
    """Mean width in alpha, over directions, of {loss < `_WIDTH_LEVEL`} around the network, for each split."""
    key = f"{name}/width below loss {_WIDTH_LEVEL:g}"
    return {
        f"{key}, {split}": float(width(dataset, level=_WIDTH_LEVEL, split=split).mean())
        for split in dataset["split"].values.tolist()
    }
