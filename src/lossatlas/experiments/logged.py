"""Figures and verdicts of an experiment sent to an experiment tracker; one without a place for them goes without."""

from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

import matplotlib.image
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from lossatlas.claims import Verdict, rows


@singledispatch
def log_figures(logger: Logger, paths: Sequence[Path]) -> None:
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
def log_verdicts(logger: Logger, verdicts: Sequence[Verdict]) -> None:
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
