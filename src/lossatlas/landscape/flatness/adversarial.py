"""Adversarial loss and error: at inputs that were moved uphill in a small box."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path

import torch
import xarray as xr
from torch import Tensor

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.forward import widened
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.measuring.differentiating import differentiable, without_traceback
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey

_REACH = (
    2.5  # of all steps of PGD together, in widths of the box: Madry et al. take steps of 2.5 epsilon / steps
)

Slope = Callable[[Tensor], Tensor]
"""From inputs to the derivative of their loss by them."""


@survey(products=None)
def adversarial(
    problem: Problem,
    *,
    epsilons: Sequence[float] = (0.0, 0.1, 0.2),
    attacks: Sequence[str] = ("fgsm", "pgd"),
    steps: int = 10,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Loss and error of a network whose inputs x are moved within the box of the x' with |x'_i - x_i| <= epsilon.

    "fgsm", the fast gradient sign method, takes one step to x + epsilon sign(g), where g is the derivative of the loss
    by x. "pgd", projected gradient descent, takes ``steps`` of 2.5 epsilon / steps times the sign of the derivative
    where it stands, beginning at x itself, and goes back into the box after each. The network knows nothing of it and
    is in evaluation mode. Inputs are moved as the network is given them, so that ``epsilons`` count in units of
    normalised inputs, and are not cut off at black and white.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    epsilons : sequence of float, default (0, 0.1, 0.2)
        Half-widths of the box, none negative.
    attacks : sequence of str, default ("fgsm", "pgd")
        One or both.
    steps : int, default 10
        Of "pgd".
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Batches and subsample; derivatives are in the weights' dtype, and ``evaluation`` must be "eval".
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Over (split, attack, epsilon): ``loss``, and ``error`` where the targets are classes, as other surveys have
        them.

    Raises
    ------
    ValueError
        For a value out of its range, an unknown attack, and for inputs that are not floating-point.

    References
    ----------
    Goodfellow et al. 2015, arXiv:1412.6572 (FGSM); Madry et al. 2018, arXiv:1706.06083 (PGD).

    Examples
    --------
    A score w x of the right sign is lost from epsilon = w x / ||w||_1 on: 1 / 2 and 3 / 2 here.

    >>> model = torch.nn.Linear(2, 2, bias=False)
    >>> _ = model.weight.data.copy_(torch.tensor([[0.0, 0.0], [1.0, -1.0]]))
    >>> data = {"test": (torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([1, 1]))}
    >>> problem = Problem(model, torch.nn.CrossEntropyLoss(), data)
    >>> adversarial(problem, epsilons=[0.4, 0.6, 1.6], attacks=["fgsm"]).error.values
    array([[[0. , 0.5, 1. ]]])
    """
    _check(problem, epsilons, attacks, steps, splits)
    with prepared(problem, splits=splits, engine=engine.for_derivatives()) as ready:
        names = list(ready.batches)
        attributes = {"survey": "adversarial", "steps": steps, **settings(ready)}

        def measure(index: int) -> list[float]:
            split, epsilon = names[index // len(epsilons)], float(epsilons[index % len(epsilons)])
            return [
                value for name in attacks for value in _attacked(ready, split, ATTACKS[name], epsilon, steps)
            ]

        header = {**attributes, "epsilons": list(epsilons), "attacks": list(attacks), **identity(ready)}
        total = len(names) * len(epsilons)
        rows = map_points(total, measure, journal=journal, header=header, progress=progress)
        values = rows.reshape(len(names), len(epsilons), len(attacks), -1).swapaxes(1, 2)
        variables = {
            metric.name: (
                ("split", "attack", "epsilon"),
                values[..., number],
                {"long_name": f"{metric.meaning}, under attack", "units": "1"},
            )
            for number, metric in enumerate(ready.metrics)
        }
    return xr.Dataset(
        variables,
        {
            "split": ("split", names, {"long_name": "part of the data"}),
            "attack": ("attack", list(attacks), {"long_name": "how inputs are moved"}),
            "epsilon": (
                "epsilon",
                list(map(float, epsilons)),
                {"long_name": "half-width of the box", "units": "1"},
            ),
        },
        attributes,
    )


def fast_gradient_sign(inputs: Tensor, slope: Slope, epsilon: float, steps: int) -> Tensor:
    """One step to a corner of the box, however many ``steps``.

    >>> fast_gradient_sign(torch.tensor([1.0, -2.0]), lambda x: x, 0.5, 1)  # uphill on a bowl
    tensor([ 1.5000, -2.5000])
    """
    return inputs + epsilon * slope(inputs).sign()


def projected_gradient(inputs: Tensor, slope: Slope, epsilon: float, steps: int) -> Tensor:
    """Many short steps, each back into the box.

    >>> projected_gradient(torch.tensor([1.0, -2.0]), lambda x: x, 0.5, 10)
    tensor([ 1.5000, -2.5000])
    """
    moved = inputs
    for _ in range(steps):
        moved = moved + _REACH * epsilon / steps * slope(moved).sign()
        moved = inputs + (moved - inputs).clamp(-epsilon, epsilon)
    return moved


ATTACKS: Mapping[str, Callable[[Tensor, Slope, float, int], Tensor]] = {
    "fgsm": fast_gradient_sign,
    "pgd": projected_gradient,
}


def _attacked(
    ready: PreparedProblem,
    split: str,
    attack: Callable[[Tensor, Slope, float, int], Tensor],
    epsilon: float,
    steps: int,
) -> list[float]:
    """Metrics of a split that was attacked."""
    sums: list[list[Tensor]] = [[] for _ in ready.metrics]
    for inputs, targets in ready.batches[split]:

        def slope(moved: Tensor, targets: Tensor = targets) -> Tensor:
            leaf = moved.detach().requires_grad_()
            with differentiable():
                loss = ready.loss(widened(ready.model(leaf)), targets)
                (found,) = torch.autograd.grad(loss, leaf)
            return found

        moved = without_traceback(ready, lambda: attack(inputs, slope, epsilon, steps))  # noqa: B023
        with torch.no_grad():
            outputs = widened(ready.model(moved))
            for metric, kept in zip(ready.metrics, sums, strict=True):
                kept.append(metric.sums(outputs, targets))
    return [
        metric.finish(torch.stack(kept).sum(0)).item()
        for metric, kept in zip(ready.metrics, sums, strict=True)
    ]


def _check(
    problem: Problem,
    epsilons: Sequence[float],
    attacks: Sequence[str],
    steps: int,
    splits: Sequence[str] | None,
) -> None:
    if not epsilons or not all(isfinite(epsilon) and epsilon >= 0 for epsilon in epsilons):
        raise ValueError(f"epsilons must be numbers >= 0, at least one, got {list(epsilons)}")
    if not attacks or len(set(attacks)) < len(attacks) or not set(attacks) <= ATTACKS.keys():
        raise ValueError(f"attacks must be different ones of {', '.join(ATTACKS)}, got {list(attacks)}")
    if steps < 1:
        raise ValueError(f"steps must be >= 1, got {steps}")
    for split in problem.select(splits):
        dtype = problem.data[split][0].dtype
        if not dtype.is_floating_point:
            raise ValueError(f"the inputs of split {split!r} are {dtype}, which has no derivative")
