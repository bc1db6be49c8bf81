"""Base of all training methods: the order of the data, the random streams, the record of each epoch."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lossatlas.data import ImageData
from lossatlas.optim import Cyclic, Monitoring, Schedule
from lossatlas.optim.stepping import has_modes, keeps_statistics, needs_objective, set_mode
from lossatlas.seeds import derive_seed
from lossatlas.studies.regularization import Regularization
from lossatlas.studies.stepping import (
    check_accumulation,
    check_optimizer,
    evaluated,
    reestimate_statistics,
)
from lossatlas.studies.trained_network import TrainedNetwork
from lossatlas.weight_norm import exact_weight_norm

Batch = tuple[Tensor, Tensor]


class NonFiniteLossError(FloatingPointError):
    """The training loss, or a tensor of the network, became NaN or infinite at ``step``, counted from 0.

    Parameters
    ----------
    step : int
        Of the optimizer.
    value : float
        What was found: NaN, or infinite.
    what : str, default "the training loss"
        Name of the tensor; by default it is the loss.
    """

    def __init__(self, step: int, value: float, what: str = "the training loss") -> None:
        super().__init__(f"{what} became {value} at step {step}")
        self.step = step


class _TrainingBatches:
    """The training batches of the epoch that the trainer stands in, from its present step on.

    The position is read from the number of optimizer steps done, the one counter that is right wherever the
    last checkpoint was written; `Trainer.current_epoch` is one too low after an epoch-end checkpoint.
    """

    def __init__(self, study: "Study") -> None:
        self._study = study

    def __len__(self) -> int:
        return self._study.data.steps_per_epoch

    def __iter__(self) -> Iterator[Batch]:
        study = self._study
        epoch, steps = divmod(study.global_step, study.steps_per_epoch)
        return study.data.batches(study.seed, epoch, steps * study.accumulate_grad_batches)


class Study(LightningModule):
    """Training method for ``network`` on ``data``, whose every random draw is a function of (seed, epoch, step).

    Subclasses define `batch_loss`; they may train other parameters than the network's, keep members of an ensemble
    on the way, or end with several networks. The study keeps ``history``, one row an epoch (row 0: at initialisation),
    which travels in the checkpoint, so that a resumed run has the rows of an uninterrupted one.

    Parameters
    ----------
    network : Module
        What is trained, of inputs (B, ...) to logits (B, C).
    data : ImageData
        Splits, batches and their order.
    optimizer : Callable
        Function of parameters to an optimizer, whose rate is the base rate.
    schedule : Schedule
        Function of the position in epochs to a factor on the base rate.
    penalties : mapping of str to Callable
        Functions of weights by name to what is added to the loss, and other regularisers: see
        `lossatlas.studies.regularization`.
    seed : int
        Of all random streams.
    snapshot_epochs : collection of int, optional
        Epochs after which weights are to be kept, 0 being the initialisation; by default none are.
    accumulate_grad_batches : int, default 1
        Batches that a step of the optimizer is taken for, those of the trainer that trains it. Each counts by its
        number of examples, so that the gradient is that of all of them as one batch; the last step of an epoch takes
        what is left of it.

    Raises
    ------
    ValueError
        For a number of batches below 1 or that the study does not take, and, when training begins, for a trainer whose
        epochs or steps are not those of the data, and an optimizer that the study does not take.
    """

    refused_stepping: ClassVar[Mapping[str, str]] = {}
    """Ways of stepping that the study cannot be trained by, and why: see `lossatlas.studies.stepping`."""

    refused_regularizers: ClassVar[Mapping[str, str]] = {}
    """Kinds of regularisers that the study does not take, and why: see `lossatlas.studies.regularization`."""

    EVALUATION_BATCH = 500
    """Images in one forward pass: enough to fill the vector units, small enough for caches."""

    member_steps: tuple[int, ...] = ()
    """Numbers of optimizer steps, ascending, after which the network is kept as the next member."""

    trunk: TrainedNetwork | None = None
    """The finished run that this one branches from, to go on where it ended."""

    monitor: str | None = None
    """Column of the record that the rate goes by, if it goes by one."""

    def __init__(
        self,
        network: nn.Module,
        data: ImageData,
        *,
        optimizer: Callable[[Iterable[Tensor]], Optimizer],
        schedule: Schedule,
        penalties: Mapping[str, Callable[[Mapping[str, Tensor]], Tensor]],
        seed: int,
        snapshot_epochs: Collection[int] = (),
        accumulate_grad_batches: int = 1,
    ) -> None:
        super().__init__()
        check_accumulation(type(self).__name__, accumulate_grad_batches, self.refused_stepping)
        self.accumulate_grad_batches = accumulate_grad_batches
        self.network = network
        self.data = data
        self.seed = seed
        self.snapshot_epochs = sorted(set(snapshot_epochs))
        self.history: list[dict[str, float]] = []
        self._optimizer = optimizer
        self.monitor = schedule.monitor if isinstance(schedule, Monitoring) else None
        self._schedule = self._bound(schedule)
        self.regularization = Regularization(
            type(self).__name__, penalties, network, self.refused_regularizers
        )
        # Of each batch of this epoch so far; on the device, for reading a value at each would stall a GPU.
        self._losses: list[Tensor] = []
        self._errors: list[Tensor] = []  # number of samples that were got wrong
        self._is_evaluated = False  # the batch at hand; an optimizer with closures does it again and again
        self._batch: Batch | None = None  # at hand, for an optimizer that differentiates its loss itself
        self._takes_objective = self._keeps_statistics = False  # the optimizer; known when training begins
        self._statistics: list[Tensor] = []  # of the pass before a step, to be those after it
        self._dropout_generator = torch.default_generator

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes the name of the hook that runs some forty times a step. nn.Module would look at each for a
        # parameter, which takes a sixth of all the time that Lightning adds to a step.
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def _bound(self, schedule: Schedule) -> Schedule:
        """The schedule in this study's steps, or by its record."""
        if isinstance(schedule, Monitoring):
            return schedule.following(lambda: self.history)
        return schedule.in_steps(self.steps_per_epoch) if isinstance(schedule, Cyclic) else schedule

    def batch_loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss of a training batch, to be minimised, and the number of its samples that were got wrong."""
        raise NotImplementedError

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps of the optimizer in an epoch."""
        return -(-self.data.steps_per_epoch // self.accumulate_grad_batches)

    @property
    def needed_steps(self) -> int:
        """Number of optimizer steps without which there is no result, however soon a callback stops training."""
        return max(self.member_steps, default=0)

    @property
    def epoch_columns(self) -> tuple[str, ...] | None:
        """Names of the values that are logged at the end of each epoch; None if they are known only then."""
        return None

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        """Parameters that the optimizer is given."""
        return self.network.parameters()

    def make_optimizer(self) -> Optimizer:
        """Make an optimizer of what is trained."""
        optimizer = self._optimizer(self.trained_parameters())
        self.regularization.add_to(optimizer)
        return optimizer

    def evaluated(self) -> AbstractContextManager[None]:
        """Have, inside a block, the weights that are to be evaluated, and after it those that are trained, to the bit.

        They are the same ones unless the optimizer has modes, `lossatlas.optim.stepping.has_modes`, or weights gates.
        """
        optimizer = self.trainer.optimizers[0]
        if not has_modes(optimizer):
            return self.regularization.evaluated()
        inputs, _ = self.data.normalized("train")
        return evaluated(self.network, optimizer, inputs, self.EVALUATION_BATCH)

    def take_evaluated(self) -> None:
        """Have them for good, on the trainer's device, when the last step is done."""
        optimizer = self.trainer.optimizers[0]
        set_mode(optimizer, "eval")  # on the CPU, to which Lightning has moved both it and the weights
        self.to(self.trainer.strategy.root_device)
        if has_modes(optimizer):
            reestimate_statistics(self.network, self.data.normalized("train")[0], self.EVALUATION_BATCH)

    def finish(self) -> None:
        """Make the network that the run ends with, when the last step is done; here it is what was trained."""
        self.regularization.settle()

    def final_members(self) -> Sequence[Mapping[str, Tensor]]:
        """State dicts that are known at the end alone and kept beside the network, such as the points of a curve."""
        return ()

    def epoch_metrics(self) -> dict[str, float]:
        """Further columns for the row of the epoch that has just ended."""
        return {}

    def final_metrics(self) -> dict[str, float]:
        """Measures of the trained network, for the manifest."""
        return {}

    # Lightning's hooks, in the order in which they run

    def configure_optimizers(self) -> Any:  # noqa: D102
        optimizer = self.make_optimizer()
        steps = self.steps_per_epoch if self._schedule.interval == "step" else 1
        scheduler = LambdaLR(optimizer, lambda position: self._schedule(position / steps))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": self._schedule.interval},
        }

    def train_dataloader(self) -> _TrainingBatches:  # noqa: D102
        return _TrainingBatches(self)

    def setup(self, stage: str) -> None:  # noqa: D102
        device = self.trainer.strategy.root_device
        self.data = self.data.to(device)
        if device.type == "cuda":
            self._dropout_generator = torch.cuda.default_generators[device.index or 0]

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Leave the batch, which was gathered on the device."""
        return batch

    def on_train_start(self) -> None:
        """Begin the record. ValueError for a trainer whose epochs or steps are not those of the data."""
        self._check_trainer()
        optimizer = self.trainer.optimizers[0]
        set_mode(optimizer, "train")
        self._takes_objective, self._keeps_statistics = (
            needs_objective(optimizer),
            keeps_statistics(optimizer),
        )
        if not self.history:
            with self.regularization.evaluated():  # as in all rows
                self.history = [{"epoch": 0, "step": 0, "weight_norm": self.weight_norm()}]
        for (
            row
        ) in self.history:  # where training goes on, those that a tracker which begins anew does not have
            self._log_row(row)
        self._losses = [loss.to(self.device) for loss in self._losses]  # those of a checkpoint
        self._errors = [errors.to(self.device) for errors in self._errors]

    def _log_row(self, row: Mapping[str, float]) -> None:
        """Send a row of the history to the trackers: the epoch that they show is that of history.csv."""
        of_epoch = min(len(self.data.splits["train"]), self.data.steps_per_epoch * self.data.batch_size)
        images = row["step"] / self.steps_per_epoch * of_epoch
        for logger in self.loggers:
            logger.log_metrics({**row, "images seen": round(images)}, step=int(row["step"]))

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed the generator that dropout draws from, so that a step draws the same whatever came before."""
        self._is_evaluated = False
        self._batch = batch if self._takes_objective else None
        self._seed_dropout(len(self._losses))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch, as it counts in its step; what an optimizer evaluates anew is drawn as before."""
        if self._is_evaluated:
            self._seed_dropout(len(self._losses) - 1)
        loss, wrong = self.regularization.batch_loss(self.batch_loss, batch)
        if not self._is_evaluated:  # the record is of the weights before the step
            self._losses.append(loss.detach())
            self._errors.append(wrong)
            self._is_evaluated = True
            if self._keeps_statistics:
                self._statistics = [buffer.clone() for buffer in self.network.buffers()]
        return loss if self.accumulate_grad_batches == 1 else loss * self._share(len(self._losses) - 1)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Change gradients as the regularisers say, before they are clipped."""
        self.regularization.change_gradients(self.global_step)

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Callable[[], Any] | None = None
    ) -> None:
        """Take a step, and then change weights as the regularisers say.

        An optimizer that differentiates the loss itself is given it, with the network's outputs. For one that asks for
        it running statistics are afterwards those of the pass at the weights before the step.
        """
        given = {"objective": self._loss_again} if self._takes_objective else {}
        optimizer.step(closure=optimizer_closure, **given)
        if self._statistics:
            with torch.no_grad():
                for buffer, kept in zip(self.network.buffers(), self._statistics, strict=True):
                    buffer.copy_(kept)
            self._statistics = []
        self.regularization.project(self.trainer.optimizers[0])

    def _loss_again(self) -> tuple[Tensor, Tensor | None]:
        """Loss of the batch at hand, drawn as before, and the outputs of the one pass that it took."""
        assert self._batch is not None
        outputs: list[Tensor] = []
        hook = self.network.register_forward_hook(lambda module, inputs, output: outputs.append(output))
        try:
            with exact_weight_norm(self.network), self.trainer.precision_plugin.train_step_context():
                loss = self.training_step(self._batch, 0)
        finally:
            hook.remove()
        return loss, outputs[0] if len(outputs) == 1 else None

    def _seed_dropout(self, batch: int) -> None:
        """Seed it for the ``batch``-th of the epoch, counted from 0."""
        epoch = self.global_step // self.steps_per_epoch
        several = self.accumulate_grad_batches > 1
        number = epoch * self.data.steps_per_epoch + batch if several else self.global_step
        self._dropout_generator.manual_seed(derive_seed(self.seed, "step", number))

    def _share(self, batch: int) -> float:
        """What the mean loss of the epoch's ``batch`` is to be multiplied by, for Lightning to divide by the batches.

        Its examples over the mean number of them in the batches of its step: so a short batch, or a step of fewer
        batches, does not count for more or less than its examples.
        """
        several, most = self.accumulate_grad_batches, int(self.trainer.num_training_batches)
        first = batch - batch % several
        samples, size = len(self.data.splits["train"]), self.data.batch_size
        ends = (first, min(first + several, most), batch, batch + 1)
        begin, end, before, after = (min(number * size, samples) for number in ends)
        return several * (after - before) / (end - begin)

    @property
    def is_step_done(self) -> bool:
        """Whether a step was taken for all batches so far, and no gradient waits for those of others."""
        batches = len(self._losses)
        return batches % self.accumulate_grad_batches == 0 or batches == self.trainer.num_training_batches

    def on_train_epoch_end(self) -> None:
        """Record the epoch's row; the callbacks that write files run after it."""
        self.check_finite()
        sizes = self._batch_sizes(len(self._losses))  # all, unless the trainer ends within the epoch
        with self.evaluated():
            measured = {"weight_norm": self.weight_norm(), "lr": self.rate_in_use, **self.epoch_metrics()}
        row = {
            "epoch": -(-self.global_step // self.steps_per_epoch),
            "step": self.global_step,
            "train_loss": float(torch.stack(self._losses).double() @ sizes / sizes.sum()),
            "train_error": float(torch.stack(self._errors).double().sum() / sizes.sum()),
            **measured,
        }
        self.history.append(row)
        if self.monitor is not None:
            self._set_rates()
        self._losses.clear()
        self._errors.clear()
        self.log_dict(
            {k: v for k, v in row.items() if k not in ("epoch", "step")}, logger=False
        )  # for callbacks
        self._log_row(row)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:  # noqa: D102
        if batch_idx % 100 == 99:
            self._check_losses()

    def _set_rates(self) -> None:
        """Set the rates of a schedule by a metric, which Lightning has asked for before the epoch's row was there."""
        for configured in self.trainer.lr_scheduler_configs:
            scheduler: Any = configured.scheduler
            position = scheduler.last_epoch
            factors = [of_position(position) for of_position in scheduler.lr_lambdas]
            for group, base, factor in zip(
                scheduler.optimizer.param_groups, scheduler.base_lrs, factors, strict=True
            ):
                group["lr"] = base * factor

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: D102
        checkpoint["lossatlas"] = {
            "history": self.history,
            "losses": _stacked(self._losses),
            "errors": _stacked(self._errors),
            "stopped": self.trainer.should_stop,  # by a callback; Lightning itself forgets it
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: D102
        kept = checkpoint["lossatlas"]
        self.history = kept["history"]
        self._losses, self._errors = list(kept["losses"]), list(kept["errors"])
        self.trainer.should_stop = kept.get("stopped", False)

    # Measures

    def check_finite(self) -> None:
        """Raise `NonFiniteLossError` if the network, or a loss of the epoch in progress, is not finite."""
        self._check_losses()
        # A finite loss can give a gradient that is not finite, after which the network is lost as well.
        state = {
            name: tensor for name, tensor in self.network.state_dict().items() if tensor.is_floating_point()
        }
        if not torch.stack(torch._foreach_norm(list(state.values()))).isfinite().all():
            for (
                name,
                tensor,
            ) in state.items():  # else one look, where a GPU would have to be waited for at each
                self._check_tensor(tensor, name)

    def _check_tensor(self, tensor: Tensor, what: str) -> None:
        if not (finite := tensor.isfinite()).all():
            raise NonFiniteLossError(self.global_step - 1, float(tensor[~finite][0]), what)

    def _check_losses(self) -> None:
        """Raise at the first step of the epoch so far whose loss was not finite."""
        bad = (~_stacked(self._losses).isfinite()).nonzero()
        if len(bad):
            index = int(bad[0])
            several, batches = self.accumulate_grad_batches, len(self._losses)
            done = -(-batches // several) if self.is_step_done else batches // several
            raise NonFiniteLossError(self.global_step - done + index // several, float(self._losses[index]))

    def check_optimizer(self, optimizer: Optimizer) -> None:
        """Raise ValueError if it is to be stepped in a way that the study does not allow."""
        check_optimizer(type(self).__name__, optimizer, self.accumulate_grad_batches, self.refused_stepping)
        self.regularization.check_optimizer(optimizer)

    def _check_trainer(self) -> None:
        """The position in the data is read from the number of optimizer steps: they must be those of the batches."""
        given, own = self.trainer.accumulate_grad_batches, self.accumulate_grad_batches
        if given != own:
            raise ValueError(
                f"the study was made for accumulate_grad_batches={own}, got a trainer with {given}: make it with that"
            )
        if not self.is_step_done:
            raise ValueError(
                "the checkpoint was saved between two batches of one step, whose gradients it lacks: take another"
            )
        self.check_optimizer(self.trainer.optimizers[0])
        batches, steps = self.trainer.num_training_batches, self.data.steps_per_epoch
        if batches != steps and not self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            raise ValueError(
                f"an epoch of the data has {steps} batches, got a trainer that limits it to {batches}"
            )

    def _batch_sizes(self, batches: int) -> Tensor:
        """Samples in each of the first ``batches`` of an epoch, (batches,): the last may be smaller."""
        size, samples = self.data.batch_size, len(self.data.splits["train"])
        starts = torch.arange(batches, dtype=torch.float64, device=self.device) * size
        return (samples - starts).clamp(max=size)

    def mean_loss(self) -> float:
        """Mean of the training losses of this epoch so far; NaN before the first step."""
        return float(_stacked(self._losses).nanmean())

    @torch.no_grad()
    def weight_norm(self) -> float:
        """L2 norm of all trainable parameters together."""
        norms = torch._foreach_norm([p for p in self.network.parameters() if p.requires_grad])
        return float(torch.stack(norms).double().norm())

    @property
    def rate_in_use(self) -> float:
        """Learning rate of the last step; before the first, of that."""
        position = max(self.global_step - 1, 0) / self.steps_per_epoch
        optimizer = self.trainer.optimizers[0]
        base = optimizer.param_groups[0]["initial_lr"]
        return float(base * self._schedule(position if self._schedule.interval == "step" else int(position)))


def network_of(study: LightningModule) -> nn.Module:
    """The network of a study, for callbacks that take the network of any module.

    Parameters
    ----------
    study : LightningModule
        A `Study`.

    Returns
    -------
    Module
        What it trains.
    """
    assert isinstance(study, Study)
    return study.network


def splits_of(study: LightningModule) -> dict[str, Batch]:
    """All splits of a study's data as the network sees them, never augmented: inputs (N, ...) and targets (N,).

    Parameters
    ----------
    study : LightningModule
        A `Study`.

    Returns
    -------
    dict of str to (Tensor, Tensor)
        Inputs (N, ...) and targets (N,) by split.
    """
    assert isinstance(study, Study)
    return {split: study.data.normalized(split) for split in study.data.splits}


def _stacked(values: Sequence[Tensor]) -> Tensor:
    """Scalars as one tensor, (n,), also if there are none."""
    return torch.stack(list(values)) if values else torch.empty(0)
