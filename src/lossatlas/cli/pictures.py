"""Pictures, surfaces and tables sent to an experiment tracker. A tracker without a place for them goes without."""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import xarray as xr
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from lossatlas.claims import Verdict, rows
from lossatlas.claims.measures import width
from lossatlas.figures import PICTURES, picture
from lossatlas.figures.experiments.interactive_surfaces import one_surface

WIDTH_LEVEL = 1.0
"""Loss below which widths along lines are measured, as the claims of `sharpness` have it."""


@singledispatch
def log_landscapes(logger: Logger | None, datasets: Mapping[str, xr.Dataset]) -> None:
    """Send a run's landscapes: a picture of each, the surface to turn by hand, the numbers that sum it up, and all."""


@log_landscapes.register
def _(logger: WandbLogger, datasets: Mapping[str, xr.Dataset]) -> None:
    import wandb

    for name, dataset in datasets.items():
        if _is_drawn(dataset):
            logger.experiment.log({f"landscape/{name}": wandb.Image(picture(dataset))})
        if {"x", "y"} <= set(dataset["loss"].dims if "loss" in dataset else ()):
            page = one_surface(dataset).to_html(include_plotlyjs="cdn")
            logger.experiment.log({f"landscape/{name} in 3-D": wandb.Html(page)})
        logger.experiment.summary.update(_scalars(name, dataset))
        logger.experiment.log_artifact(_artifact(name, dataset, logger.experiment.id))


@log_landscapes.register
def _(logger: TensorBoardLogger, datasets: Mapping[str, xr.Dataset]) -> None:
    for name, dataset in datasets.items():
        if _is_drawn(dataset):
            logger.experiment.add_figure(f"landscape/{name}", picture(dataset))


def _is_drawn(dataset: xr.Dataset) -> bool:
    """Whether its survey has a picture; one of the user's own need not."""
    return dataset.attrs.get("survey") in PICTURES


@singledispatch
def log_figures(logger: Logger | None, paths: Sequence[Path]) -> None:
    """Send an experiment's figures, as they were saved."""


@log_figures.register
def _(logger: WandbLogger, paths: Sequence[Path]) -> None:
    import wandb

    for path in paths:
        if path.suffix == ".png":
            logger.experiment.log({path.stem: wandb.Image(str(path))})
        elif path.suffix == ".html":
            logger.experiment.log({path.stem: wandb.Html(str(path))})


@log_figures.register
def _(logger: TensorBoardLogger, paths: Sequence[Path]) -> None:
    for path in paths:
        if path.suffix == ".png":
            logger.experiment.add_image(path.stem, matplotlib.image.imread(path), dataformats="HWC")


@singledispatch
def log_verdicts(logger: Logger | None, verdicts: Sequence[Verdict]) -> None:
    """Send the verdicts as a table."""


@log_verdicts.register
def _(logger: WandbLogger, verdicts: Sequence[Verdict]) -> None:
    import wandb

    columns, data = rows(verdicts)
    logger.experiment.log({"verdict": wandb.Table(columns=[*columns], data=[*data])})
    logger.experiment.summary.update({f"verdict/{verdict.id}": verdict.outcome for verdict in verdicts})


@log_verdicts.register
def _(logger: TensorBoardLogger, verdicts: Sequence[Verdict]) -> None:
    lines = [f"- **{verdict.outcome}** {verdict.id}: {verdict.text}" for verdict in verdicts]
    logger.experiment.add_text("verdict", "\n".join(lines))


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
    """Mean width in alpha, over directions, of {loss < `WIDTH_LEVEL`} around the network, for each split."""
    key = f"{name}/width below loss {WIDTH_LEVEL:g}"
    return {
        f"{key}, {split}": float(
            width({name: dataset}, landscape=name, level=WIDTH_LEVEL, split=split).mean()
        )
        for split in dataset["split"].values.tolist()
    }
