"""Figures and verdicts of an experiment sent to an experiment tracker; one without a place for them goes without."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.image
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from lossatlas.claims import Verdict, rows


def log_figures(logger: Logger, paths: Sequence[Path]) -> None:
    """Send an experiment's figures, as they were saved: pictures, and to W&B also those that move or can be turned."""
    for path in paths:
        if isinstance(logger, WandbLogger):
            import wandb

            kinds = {".png": wandb.Image, ".html": wandb.Html, ".gif": wandb.Video}
            if (kind := kinds.get(path.suffix)) is not None:
                logger.experiment.log({path.stem: kind(str(path))})
        elif isinstance(logger, TensorBoardLogger) and path.suffix == ".png":
            logger.experiment.add_image(path.stem, matplotlib.image.imread(path), dataformats="HWC")


def log_verdicts(logger: Logger, verdicts: Sequence[Verdict]) -> None:
    """Send the verdicts, to W&B as a table."""
    if isinstance(logger, WandbLogger):
        import wandb

        columns, data = rows(verdicts)
        logger.experiment.log({"verdict": wandb.Table(columns=[*columns], data=[*data])})
        logger.experiment.summary.update({f"verdict/{verdict.id}": verdict.outcome for verdict in verdicts})
    elif isinstance(logger, TensorBoardLogger):
        lines = [f"- **{verdict.outcome}** {verdict.id}: {verdict.text}" for verdict in verdicts]
        logger.experiment.add_text("verdict", "\n".join(lines))
