"""Callback for loss landscapes during training, for anybody's Trainer and LightningModule."""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, StochasticWeightAveraging
from pytorch_lightning.utilities.seed import isolate_rng
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from lossatlas.landscape import Loss, Problem
from lossatlas.landscape.mapping.ranks import ranks
from lossatlas.landscape.problem import Source, Split, gathered
from lossatlas.landscape.survey import Survey
from lossatlas.netcdf import write_netcdf
from lossatlas.optim.stepping import evaluation_weights


class SurveyAtEpochs(Callback):
    """Landscapes during training: at its start (epoch 0), at the ends of chosen epochs, and at its end (-1).

    ``<folder>/epoch-0010/surface.nc``, below the trainer's ``default_root_dir``, is written whole or not at all, and a
    picture sent to the loggers of W&B and TensorBoard. Training is not disturbed: weights, modes, gradients, and the
    states of optimizers and random generators are as before, so that it gives the same bits as without the callback. A
    survey that is interrupted goes on from its finished points when training comes to the same weights again. With
    several devices their processes share the points.

    Surveyed is the network that is trained, as the last step has left it, in whatever order callbacks stand: not the
    average of weights that `WeightAveraging` and the like put in its place when training ends, nor in the epoch that
    `StochasticWeightAveraging` adds for the statistics of its average. An optimizer with modes of its own, as
    schedule-free ones have, puts its weights for evaluation in place; batch norms keep the statistics of training, save
    in this project's studies (``Engine(evaluation="recompute")`` takes those of the point).

    Parameters
    ----------
    surveys : mapping of str to Survey
        Functions of a `Problem` by the names that their files get, such as ``partial(surface, points=21)``.
    loss : Callable
        Function of the network's outputs and targets to the mean over a batch.
    epochs : collection of int, optional
        Those after which surveys are made, 0 being the start and -1 the end; None: as ``every`` says.
    every : int, optional
        Period in epochs after which they are made, and at both ends; None: as ``epochs`` says.
    data : mapping of str to Source, or Callable, optional
        Splits, tensors or loaders, or a function of the module that gives them; None: the examples of the trainer's own
        training loader, in their order. They are gone through once, with random numbers of their own, and kept on the
        device.
    network : Callable, optional
        Function of the LightningModule to the network; None: the module itself.
    metrics : mapping of str to Callable, optional
        Further functions of outputs and targets, which are measured beside the loss; None: no others.
    folder : str or Path, default "landscapes"
        Where files are written, below ``default_root_dir``.

    Raises
    ------
    ValueError
        Unless just one of ``epochs`` and ``every`` is given, without surveys, and for values out of their range.

    Examples
    --------
    >>> from functools import partial
    >>> from lossatlas.landscape import line
    >>> SurveyAtEpochs({"line": partial(line, points=11)}, nn.CrossEntropyLoss(), epochs=[0, 10, -1]).epochs
    (0, 10, -1)
    """

    def __init__(
        self,
        surveys: Mapping[str, Survey],
        loss: Loss,
        *,
        epochs: Collection[int] | None = None,
        every: int | None = None,
        data: Mapping[str, Source] | Callable[[Any], Mapping[str, Source]] | None = None,
        network: Callable[[LightningModule], nn.Module] | None = None,
        metrics: Mapping[str, Loss] | None = None,
        folder: str | Path = "landscapes",
    ) -> None:
        if not surveys:
            raise ValueError("surveys are missing, expected a mapping such as {'line': line}")
        if (epochs is None) == (every is None):
            raise ValueError(f"give either epochs or every, got epochs={epochs!r} and every={every!r}")
        if every is not None and every < 1:
            raise ValueError(f"every must be >= 1, got {every}")
        if wrong := [epoch for epoch in epochs or () if epoch < -1]:
            raise ValueError(f"epochs count from 0, the start, and -1 is the end; got {wrong[0]}")
        self.epochs = (0, -1) if epochs is None else tuple(epochs)
        self.every = every
        self.folder = Path(folder)
        self._surveys = dict(surveys)
        self._loss = loss
        self._given = data
        self._network = network or (lambda module: module)
        self._metrics = metrics
        self._data: dict[str, Split] | None = None
        self._surveyed: int | None = None  # last epoch that was
        self._ended = 0  # epochs that have ended
        self._trained: dict[str, Tensor] | None = None  # the module's state then, for the survey at the end

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._surveyed, self._ended, self._trained = None, trainer.current_epoch, None
        if trainer.global_step == 0 and self._is_due(0):
            self._survey(trainer, pl_module, 0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        if _is_of_an_average(trainer):
            return
        self._ended = trainer.current_epoch + 1
        if self._is_due(self._ended):
            self._survey(trainer, pl_module, self._ended)
        elif (
            -1 in self.epochs
        ):  # which epoch is the last is known only when others may have changed the weights
            self._trained = {name: tensor.clone() for name, tensor in pl_module.state_dict().items()}

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        if -1 in self.epochs and self._surveyed != self._ended:
            found = {name: tensor.clone() for name, tensor in pl_module.state_dict().items()}
            pl_module.load_state_dict(self._trained or found)
            try:
                self._survey(trainer, pl_module, self._ended)
            finally:
                pl_module.load_state_dict(found)
        self._trained = None

    def _is_due(self, epoch: int) -> bool:
        return epoch in self.epochs or (self.every is not None and epoch % self.every == 0)

    def _survey(self, trainer: Trainer, module: LightningModule, epoch: int) -> None:
        self._surveyed = epoch
        folder = Path(trainer.default_root_dir) / self.folder / f"epoch-{epoch:04d}"
        with _own_random_numbers(), _evaluated(trainer, module):
            problem = self._problem(trainer, module)
            for name, survey in self._surveys.items():
                journal = folder / f".{name}.journal"
                dataset = survey(problem, journal=journal).assign_attrs(
                    landscape=name, epoch=epoch, global_step=trainer.global_step
                )
                ranks().attempt(partial(self._keep, trainer, folder, name, dataset))

    @staticmethod
    def _keep(trainer: Trainer, folder: Path, name: str, dataset: xr.Dataset) -> None:
        if trainer.is_global_zero:
            from lossatlas.loggers.pictures import log_picture  # matplotlib, only where it is used

            _write(dataset, folder, name)
            for logger in trainer.loggers:
                log_picture(logger, name, dataset, trainer.global_step)

    def _problem(self, trainer: Trainer, module: LightningModule) -> Problem:
        network = self._network(module)
        if self._data is None:
            given = self._given(module) if callable(self._given) else self._given
            sources = given or {"train": _training_data(trainer)}
            self._data = {
                split: _placed(gathered(source, split, module.device), network)
                for split, source in sources.items()
            }
        return Problem(network, self._loss, self._data, self._metrics)


def _is_of_an_average(trainer: Trainer) -> bool:
    """Whether the epoch is one in which an average of weights is in place, and nothing trained."""
    averaging = (c for c in trainer.callbacks if isinstance(c, StochasticWeightAveraging))  # type: ignore[attr-defined]
    return any(trainer.current_epoch > callback.swa_end for callback in averaging)


def _evaluated(trainer: Trainer, module: LightningModule) -> AbstractContextManager[Any]:
    """Have the weights in place that are to be evaluated: as the module itself says, or its optimizers with modes."""
    if callable(own := getattr(module, "evaluated", None)):
        return own()
    stack = ExitStack()
    for optimizer in trainer.optimizers:
        stack.enter_context(evaluation_weights(optimizer))
    return stack


def _training_data(trainer: Trainer) -> Source:
    """The trainer's own training data, all of it and in order; training's own loader is left alone if it can be."""
    loader: Any = trainer.train_dataloader
    if isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset):
        return DataLoader(loader.dataset, loader.batch_size or 1, collate_fn=loader.collate_fn)
    return loader


def _placed(split: Split, network: nn.Module) -> Split:
    """Inputs and targets where the network is; floating-point inputs in its dtype."""
    parameter = next(network.parameters())
    inputs, targets = split
    like: dict[str, Any] = {"dtype": parameter.dtype} if inputs.is_floating_point() else {}
    return inputs.to(parameter.device, **like), targets.to(parameter.device)


def _write(dataset: xr.Dataset, folder: Path, name: str) -> None:
    write_netcdf(dataset, folder / f"{name}.nc")
    for journal in folder.glob(f".{name}.journal*"):
        journal.unlink(missing_ok=True)


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """Draw the same random numbers in each process, and leave the generators as they were."""
    with isolate_rng():
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002 (that of data sets that draw from it)
        random.seed(0)
        yield
