"""The former place of `lossatlas.loggers.wandb`, which recorded configurations name."""

from lossatlas.loggers.wandb import QuietWandbLogger as QuietWandbLogger
