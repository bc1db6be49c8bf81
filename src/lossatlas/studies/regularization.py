"""Regularisers of a study in its training: what each adds to the loss, to the weights, to their gradients."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer

from lossatlas.optim import L0
from lossatlas.optim.stepping import descent_rates, has_modes

Batch = tuple[Tensor, Tensor]

PROJECTION, GATES, PERTURBATION, GRADIENTS = "project", "gates", "perturbed", "change_gradients"
"""What a regulariser may have beside its penalty: methods that are called in training, by their names.

``project(parameters, rates)`` changes parameters in place after a step, at the `descent_rates
<lossatlas.optim.stepping.descent_rates>` of each, or the learning rates of an optimizer that has none; one whose
``goes_by_rates`` is true is refused there. ``gates`` are
those of `L0 <lossatlas.optim.L0>`; ``perturbed(parameters)`` gives those that loss and gradient of a step are taken at;
``change_gradients(parameters, step)`` changes gradients in place before a step.
"""

KINDS = (PROJECTION, GATES, PERTURBATION, GRADIENTS)
_PHRASES = {
    PROJECTION: "changes weights after each step",
    GATES: "multiplies weights by gates of its own",
    PERTURBATION: "puts noise on the weights of a step",
    GRADIENTS: "puts noise on the gradients of a step",
}


def kinds(regularizer: Any) -> list[str]:
    """What ``regularizer`` has beside a penalty.

    >>> from lossatlas.optim import L1, L2
    >>> kinds(L2(0.1)), kinds(L1(0.1)), kinds(L1(0.1, step="proximal"))
    ([], [], ['project'])
    """
    return [kind for kind in KINDS if getattr(regularizer, kind, None) is not None]


def check_regularizers(study: str, regularizers: Mapping[str, Any], refused: Mapping[str, str]) -> None:
    """Raise ValueError for one that is none, or that acts in a way that ``study`` has ``refused``."""
    for name, regularizer in regularizers.items():
        found = kinds(regularizer)
        if not callable(regularizer) and not found:
            raise ValueError(
                f"regularizer.{name}: expected a function of the weights by name, got {type(regularizer).__name__}"
            )
        for kind in found:
            if kind in refused:
                raise ValueError(
                    f"{study} takes no regularizer.{name}, which {_PHRASES[kind]}: {refused[kind]}"
                )
    if len(gated := [name for name, each in regularizers.items() if GATES in kinds(each)]) > 1:
        raise ValueError(f"regularizer.{gated[1]}: the weights have gates by regularizer.{gated[0]} already")


class Regularization(nn.Module):
    """The regularisers of a study whose weights are those of ``network``, each for what it has.

    Trained parameters of its own are log alpha of gates, one tensor a weight.

    Parameters
    ----------
    study : str
        Name of the study, for messages.
    regularizers : mapping of str to object
        Penalties, functions of parameters by name to a scalar, and what has methods beside: `kinds`.
    network : Module
        Whose parameters they act on.
    refused : mapping of str to str
        Kinds that the study does not take, and why.

    Raises
    ------
    ValueError
        As `check_regularizers`, and for a network that one of them cannot act on.
    """

    _network: nn.Module

    def __init__(
        self, study: str, regularizers: Mapping[str, Any], network: nn.Module, refused: Mapping[str, str]
    ) -> None:
        super().__init__()
        check_regularizers(study, regularizers, refused)
        self._by_name = dict(regularizers)
        self._penalties: list[Callable[[Mapping[str, Tensor]], Tensor]] = [
            each for each in regularizers.values() if callable(each)
        ]
        self._with = {kind: [e for e in regularizers.values() if kind in kinds(e)] for kind in KINDS}
        object.__setattr__(self, "_network", network)  # which is the study's own
        parameters = dict(network.named_parameters())
        for name, regularizer in regularizers.items():
            if callable(check := getattr(regularizer, "check", None)):
                _named(name, partial(check, parameters))
        self._l0: L0 | None = next(iter(self._with[GATES]), None)
        start: dict[str, Tensor] = {}
        for name, regularizer in regularizers.items():
            if regularizer is self._l0 and self._l0 is not None:
                start = _named(name, partial(self._l0.gates, parameters))
        self._gated = tuple(start)
        if start:
            self.gates = nn.ParameterList(nn.Parameter(log_alpha) for log_alpha in start.values())

    @property
    def _parameters_by_name(self) -> dict[str, nn.Parameter]:
        return dict(self._network.named_parameters())

    def _log_alphas(self) -> Iterator[tuple[str, Tensor]]:
        return zip(self._gated, self.gates if self._gated else (), strict=True)

    def batch_loss(
        self, batch_loss: Callable[[Batch], tuple[Tensor, Tensor]], batch: Batch
    ) -> tuple[Tensor, Tensor]:
        """Return what ``batch_loss`` gives at the weights that act in the step, the loss with all penalties."""
        if self._gated or self._with[PERTURBATION]:
            acting = self._acting()
            called = _Called(self._network, batch_loss)
            loss, wrong = functional_call(
                called, {f"network.{name}": weight for name, weight in acting.items()}, (batch,)
            )
        else:
            loss, wrong = batch_loss(batch)
        for penalty in self._penalties:
            loss = loss + penalty(self._parameters_by_name)
        if self._l0 is not None:
            weights = self._parameters_by_name
            loss = loss + self._l0.penalty(list(self.gates), [weights[name] for name in self._gated])
        return loss, wrong

    def _acting(self) -> dict[str, Tensor]:
        """Weights that differ from the parameters in a step: with gates that are drawn, then with noise."""
        parameters: dict[str, Tensor] = dict(self._parameters_by_name)
        acting: dict[str, Tensor] = {}
        if self._l0 is not None:
            acting = {name: parameters[name] * self._l0.drawn(alpha) for name, alpha in self._log_alphas()}
        for each in self._with[PERTURBATION]:
            acting |= each.perturbed({**parameters, **acting})
        return acting

    def change_gradients(self, step: int) -> None:
        """Change the gradients of a step, the ``step``-th from 0."""
        for each in self._with[GRADIENTS]:
            each.change_gradients(self._parameters_by_name, step)

    def project(self, optimizer: Optimizer) -> None:
        """Change the weights after a step of ``optimizer``."""
        if self._with[PROJECTION]:
            parameters = self._parameters_by_name
            groups = optimizer.param_groups
            by_group = descent_rates(optimizer) or [float(group["lr"]) for group in groups]
            rates = {
                id(p): rate for group, rate in zip(groups, by_group, strict=True) for p in group["params"]
            }
            trained = {name: p for name, p in parameters.items() if p.requires_grad}
            by_name = {name: rates.get(id(parameter), 0.0) for name, parameter in trained.items()}
            for each in self._with[PROJECTION]:
                each.project(trained, by_name)

    def add_to(self, optimizer: Optimizer) -> None:
        """Have ``optimizer`` train the gates too, without weight decay."""
        if self._l0 is not None:
            decays = any("weight_decay" in group for group in optimizer.param_groups)
            decay = {"weight_decay": 0.0} if decays else {}
            rate = self._l0.rate * optimizer.param_groups[0]["lr"]
            optimizer.add_param_group({"params": list(self.gates), "lr": rate, **decay})

    def check_optimizer(self, optimizer: Optimizer) -> None:
        """Raise ValueError if it is stepped in a way that a regulariser does not go with."""
        who = type(optimizer).__name__
        for name, regularizer in self._by_name.items():
            if getattr(regularizer, "goes_by_rates", False) and descent_rates(optimizer) is None:
                raise ValueError(
                    f"{who} moves each weight at a rate of its own, at which regularizer.{name} has no proximal step: "
                    f"take gradient descent, with momentum or without, or type regularizer.{name}.step=subgradient"
                )
            for kind in (kind for kind in kinds(regularizer) if kind != PERTURBATION):
                if isinstance(optimizer, torch.optim.LBFGS):
                    raise ValueError(
                        f"{who} goes by how weights and gradients differ from step to step, and regularizer.{name} "
                        f"{_PHRASES[kind]}: take another optimizer"
                    )
                if has_modes(optimizer) and kind != GRADIENTS:
                    raise ValueError(
                        f"regularizer.{name} {_PHRASES[kind]}, and {who} evaluates an average of them: "
                        "take another optimizer"
                    )

    def evaluated(self) -> AbstractContextManager[None]:
        """Have, inside a block, the weights that are to be evaluated, and after it those that are trained."""
        return self._evaluated() if self._gated else nullcontext()

    @contextmanager
    def _evaluated(self) -> Iterator[None]:
        parameters = self._parameters_by_name
        before = [parameters[name].detach().clone() for name in self._gated]
        self.settle()
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_([parameters[name] for name in self._gated], before)

    @torch.no_grad()
    def settle(self) -> None:
        """Multiply the weights by the gates that a network is evaluated with."""
        parameters = self._parameters_by_name
        for name, log_alpha in self._log_alphas():
            assert self._l0 is not None
            parameters[name].mul_(self._l0.settled(log_alpha))


class _Called(nn.Module):
    """A batch's loss as a module that holds the network, so that it can be called with other weights."""

    def __init__(self, network: nn.Module, batch_loss: Callable[[Batch], tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.network = network
        self._batch_loss = batch_loss

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self._batch_loss(batch)


def _named(name: str, act: Callable[[], Any]) -> Any:
    try:
        return act()
    except ValueError as error:
        raise ValueError(f"regularizer.{name}: {error}") from error
