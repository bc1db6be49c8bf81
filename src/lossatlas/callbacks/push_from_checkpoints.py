"""Callback for the distance penalty: earlier checkpoints repel the network that anybody's Trainer trains."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.optim import Optimizer

from lossatlas.optim.distancing import Centre, DistanceForce, Layout

_MEASURED = 8
"""Steps of an epoch, evenly spaced, at which the force and the gradient are measured."""


class PushFromCheckpoints(Callback):
    """Distance penalty: takes checkpoints while a network trains, and adds the ``force`` they exert to its gradients.

    The force is added once for each step of the optimizer, after gradients have been accumulated, averaged over
    processes and unscaled, and before they are clipped. The checkpoints are part of Lightning's own, so that a resumed
    training goes on with the same ones.

    After each epoch ``metrics`` has the distances to all checkpoints and to the initialisation, the kernels' values,
    and the norms and angles of force and gradient. See the handbook's page on the distance kernel for their names.

    Parameters
    ----------
    force : DistanceForce
        What checkpoints exert.
    epochs : collection of int, optional
        Those at whose end a checkpoint is taken, 0 being the initialisation; None: as ``every`` says.
    every : int, optional
        Period in epochs at whose end one is taken; None: as ``epochs`` says.
    release : int, optional
        Epoch from whose end on there is no force; None: it stays.
    decoupled : bool, default False
        Move the weights, times the rate, after the optimizer's step: neither momentum nor clipping nor an adaptive rate
        acts on the force, as AdamW has it with weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101). By default
        the force is added to the gradients.
    network : Callable, optional
        Function of the LightningModule to the network; None: the module itself.
    log : bool, default True
        Have the module log the metrics.

    Raises
    ------
    ValueError
        Unless just one of ``epochs`` and ``every`` is given, for values out of their range, and, when training
        begins, for several optimizers or for a checkpoint that is already passed.

    Examples
    --------
    >>> from lossatlas.optim.distancing import RBF, Away, Distance, EachCheckpoint, Sigma
    >>> force = DistanceForce(RBF(), Sigma(2.0), 1.0, distance=Distance(), merging=EachCheckpoint(), push=Away())
    >>> PushFromCheckpoints(force, every=10).due(40)
    (10, 20, 30)
    """

    def __init__(
        self,
        force: DistanceForce,
        *,
        epochs: Collection[int] | None = None,
        every: int | None = None,
        release: int | None = None,
        decoupled: bool = False,
        network: Callable[[LightningModule], nn.Module] | None = None,
        log: bool = True,
    ) -> None:
        if (epochs is None) == (every is None):
            raise ValueError(f"give either epochs or every, got epochs={epochs!r} and every={every!r}")
        if every is not None and every < 1:
            raise ValueError(f"every must be >= 1 epochs, got {every}")
        if epochs is not None and (not epochs or any(epoch < 0 for epoch in epochs)):
            raise ValueError(
                f"epochs of checkpoints count from 0, the initialisation; got {sorted(set(epochs))}"
            )
        self.force = force
        self.metrics: dict[str, float] = {}
        self._epochs = None if epochs is None else tuple(sorted(set(epochs)))
        self._every = every
        self._release = release
        self._decoupled = decoupled
        self._network: Callable[[LightningModule], nn.Module] = network or (lambda module: module)
        self._log = log
        self._taken: dict[int, list[Tensor]] = {}  # epoch -> counted parameters after it
        self._initial: list[Tensor] = []
        self._centres: list[Centre] = []
        self._layout: Layout | None = None
        self._parameters: list[nn.Parameter] = []
        self._measures: list[Tensor] = []  # of the epoch so far: (3 + checkpoints,) each
        self._moves: list[Tensor] | None = None  # of a decoupled force, until the optimizer's step is done

    def due(self, end: int) -> tuple[int, ...]:
        """Epochs before ``end`` after which a checkpoint is taken."""
        if self._every is not None:
            return tuple(range(self._every, end, self._every))
        return tuple(epoch for epoch in self._epochs or () if epoch < end)

    # Lightning's hooks, in the order in which they run

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Note the initialisation, before a checkpoint's weights take its place."""
        self._take_network(pl_module)
        if trainer.global_step == 0:  # unless a trainer goes on with what it has trained
            self._initial = self._now()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring the checkpoints to the device. ValueError for one that is not there and whose epoch has passed."""
        if len(trainer.optimizers) != 1:
            raise ValueError(f"the force acts on one optimizer, got a module with {len(trainer.optimizers)}")
        self._take_network(pl_module)  # as the strategy has it
        if trainer.global_step == 0:
            self._initial = self._now()  # processes have come to agree on it
            self._taken, self._measures, self._centres = {}, [], []  # not those of an earlier training
        passed = -(-trainer.global_step // self._steps_per_epoch(trainer))
        missing = [epoch for epoch in self.due(passed) if epoch not in self._taken]
        if missing:
            raise ValueError(
                f"no checkpoint of epoch {missing[0]} was taken, and training goes on from {passed}"
            )
        device = self._parameters[0].device
        self._initial = [tensor.to(device) for tensor in self._initial]
        self._measures = [measures.to(device) for measures in self._measures]
        self._taken = {epoch: [t.to(device) for t in held] for epoch, held in self._taken.items()}
        self._set_centres()
        if self._decoupled:
            trainer.optimizers[0].register_step_post_hook(self._move)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Take a checkpoint if the step is the first after an epoch at whose end one is due."""
        epoch, within = divmod(trainer.global_step, self._steps_per_epoch(trainer))
        if within == 0 and epoch not in self._taken and epoch in self.due(epoch + 1):
            self._taken[epoch] = self._now()
            self._set_centres()

    @torch.no_grad()
    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Add the force to the gradients."""
        self._moves = None  # of a step that was skipped
        measured = self._is_measured(trainer)
        acts = bool(self.force.push.sign) and not self._is_released(trainer)
        if not self._taken or not (acts or measured):
            return
        assert self._layout is not None
        force = self.force(self._layout, self._parameters, self._centres).gradient
        if not acts:
            force = [torch.zeros_like(part) for part in force]
        if measured:
            self._measure(force)
        if acts and self._decoupled:
            self._moves = force
        elif acts:
            self._add(force)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make the epoch's ``metrics``."""
        self.metrics = self._epoch_metrics()
        self._measures.clear()
        if self._log:
            pl_module.log_dict(self.metrics)

    def state_dict(self) -> dict[str, Any]:  # noqa: D102
        taken = {epoch: list(held) for epoch, held in self._taken.items()}
        return {"taken": taken, "initial": self._initial, "measures": self._measures}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # noqa: D102
        self._taken, self._initial = state_dict["taken"], state_dict["initial"]
        self._measures = list(state_dict["measures"])

    # What they do

    def _take_network(self, module: LightningModule) -> None:
        network = self._network(module)
        self._layout = self.force.distance.layout(network)
        parameters = dict(network.named_parameters())
        self._parameters = [parameters[name] for name in self._layout.names]

    def _now(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self._parameters]

    def _set_centres(self) -> None:
        held = [self._taken[epoch] for epoch in sorted(self._taken)]
        if held:
            assert self._layout is not None
            self._centres = self.force.centres(self._layout, held, self._initial)

    @staticmethod
    def _steps_per_epoch(trainer: Trainer) -> int:
        batches = trainer.num_training_batches
        if batches == float("inf"):
            raise ValueError("checkpoints are taken by the epoch: the training loader must know its length")
        return -(-int(batches) // trainer.accumulate_grad_batches)

    def _is_released(self, trainer: Trainer) -> bool:
        return self._release is not None and trainer.global_step >= self._release * self._steps_per_epoch(
            trainer
        )

    def _is_measured(self, trainer: Trainer) -> bool:
        steps = self._steps_per_epoch(trainer)
        within = trainer.global_step % steps
        return within + 1 in {-(-k * steps // _MEASURED) for k in range(1, _MEASURED + 1)}

    def _measure(self, force: Sequence[Tensor]) -> None:
        held = [self._taken[epoch] for epoch in sorted(self._taken)]
        gradient = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._parameters]
        self._measures.append(Alignments(force, gradient, self._parameters, held).values)

    def _add(self, force: Sequence[Tensor]) -> None:
        gradients = []
        for parameter in self._parameters:
            if parameter.grad is None:  # the loss does not depend on it, the penalty does
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        torch._foreach_add_(gradients, list(force))

    @torch.no_grad()
    def _move(self, optimizer: Optimizer, *_: Any) -> None:
        """Move the weights by a decoupled force; not called where a step is skipped for its gradients' overflow."""
        if self._moves is None:
            return
        moves = dict(zip(map(id, self._parameters), self._moves, strict=True))
        self._moves = None
        for group in optimizer.param_groups:
            pushed = [parameter for parameter in group["params"] if id(parameter) in moves]
            if pushed:
                torch._foreach_add_(pushed, [moves[id(p)] for p in pushed], alpha=-float(group["lr"]))

    @torch.no_grad()
    def _epoch_metrics(self) -> dict[str, float]:
        assert self._layout is not None
        metrics = distances(self._layout, self._parameters, self._initial, "initialisation")
        for number, epoch in enumerate(sorted(self._taken)):
            metrics |= distances(self._layout, self._parameters, self._taken[epoch], str(number))
        if self._centres:
            kernels = self.force(self._layout, self._parameters, self._centres).kernels.mean(1).tolist()
            metrics |= {f"kernel_{number}": value for number, value in enumerate(kernels)}
        return metrics | Alignments.means(self._measures)


def distances(
    layout: Layout, parameters: Sequence[Tensor], place: Sequence[Tensor], name: str
) -> dict[str, float]:
    """Squared Euclidean distance of ``parameters`` from ``place``, by names that end with ``name``.

    The whole one as it is, relative to the squared norm of ``place``, and as the mean over filters of the same for
    each filter (first index of a tensor of two dimensions or more; those that are 0 in ``place`` are left out); and
    the one of each layer.

    >>> layout = Layout(names=("fc.weight", "fc.bias"), groups=("",), group_of=(0, 0))
    >>> place, there = [torch.eye(2), torch.ones(1)], [torch.diag(torch.tensor([2.0, 1.0])), torch.ones(1)]
    >>> distances(layout, there, place, "0")["squared_distance_0"]
    1.0
    >>> distances(layout, there, place, "0")["filterwise_squared_distance_0"]  # of the filters: 1 and 0
    0.5
    """
    offsets = torch._foreach_sub(list(parameters), list(place))
    squares = torch.stack([offset.double().square().sum() for offset in offsets])
    norm = torch.stack([tensor.double().square().sum() for tensor in place]).sum()
    of_filters = _of_filters(offsets, place)
    layers: dict[str, list[int]] = {}
    for index, owner in enumerate(layout.names):
        layers.setdefault(owner.rpartition(".")[0], []).append(index)
    each = torch.stack([squares[indices].sum() for indices in layers.values()]).tolist()
    whole = torch.stack([squares.sum(), squares.sum() / norm, of_filters.mean()]).tolist()
    kinds = ("squared_distance", "relative_squared_distance", "filterwise_squared_distance")
    return {
        **{f"{kind}_{name}": value for kind, value in zip(kinds, whole, strict=True)},
        **{f"squared_distance_{name}/{layer}": value for layer, value in zip(layers, each, strict=True)},
    }


def _of_filters(offsets: Sequence[Tensor], place: Sequence[Tensor]) -> Tensor:
    """Relative squared distance of each filter whose norm in ``place`` is not 0, (filters,)."""
    parts = [torch.empty(0, dtype=torch.float64, device=place[0].device)]
    for offset, there in zip(offsets, place, strict=True):
        if there.ndim > 1:
            norms = there.double().flatten(1).square().sum(1)
            parts.append((offset.double().flatten(1).square().sum(1) / norms)[norms > 0])
    return torch.cat(parts)


class Alignments:
    """Norms and cosines at one step, on the device: ``values`` (3 + checkpoints,).

    They are the norm of the force's gradient, the norm of the loss's, the cosine between the two, and for each
    checkpoint the cosine between minus the loss's gradient and the direction away from it.
    """

    NAMES = ("force_norm", "gradient_norm", "force_gradient_cosine")

    def __init__(
        self,
        force: Sequence[Tensor],
        gradient: Sequence[Tensor],
        parameters: Sequence[Tensor],
        checkpoints: Sequence[Sequence[Tensor]],
    ) -> None:
        pushing, falling = _flat(force), _flat(gradient)
        away = (_flat(torch._foreach_sub(list(parameters), list(held))) for held in checkpoints)
        cosines = [-_cosine(falling, direction) for direction in away]
        self.values = torch.stack([pushing.norm(), falling.norm(), _cosine(pushing, falling), *cosines])

    @classmethod
    def means(cls, measured: Sequence[Tensor]) -> dict[str, float]:
        """Means by name over the steps of an epoch that were ``measured``; cosines of nothing are left out."""
        if not measured:
            return {}
        checkpoints = len(measured[-1]) - len(cls.NAMES)
        names = [*cls.NAMES, *(f"away_gradient_cosine_{number}" for number in range(checkpoints))]
        return dict(zip(names, torch.stack(list(measured)).nanmean(0).tolist(), strict=True))


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten().double() for tensor in tensors])


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    """NaN if one of them is 0."""
    return (one @ other) / (one.norm() * other.norm())
