"""Pictures and tables sent to an experiment tracker."""

from collections.abc import Mapping
from functools import singledispatch
from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from lossatlas.claims import Verdict, rows
from lossatlas.figures import picture_of


def log_landscapes(logger: Logger | None, datasets: Mapping[str, xr.Dataset]) -> None:
    """Send a run's landscapes: a picture of each, the numbers that sum it up, and the surface to turn by hand."""
    for name, dataset in datasets.items():
        log_figure(logger, f"landscape/{name}", picture_of(dataset))


@singledispatch
def log_figure(logger: Logger | None, name: str, figure: Figure) -> None:
    """Send a picture to a tracker that takes pictures; the others go without."""


@log_figure.register
def _(logger: WandbLogger, name: str, figure: Figure) -> None:
    import wandb

    logger.experiment.log({name: wandb.Image(figure)})


@log_figure.register
def _(logger: TensorBoardLogger, name: str, figure: Figure) -> None:
    logger.experiment.add_figure(name, figure)
