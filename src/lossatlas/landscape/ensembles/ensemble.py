"""Ensemble of networks: its scores for every number of members, and their diversity."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from lossatlas.choices import chosen
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.ensembles.averaging import AVERAGES
from lossatlas.landscape.ensembles.held_out import check_held_out
from lossatlas.landscape.ensembles.members import (
    Member,
    Members,
    check_network,
    classes,
    distances,
    listed,
    on_curve,
    outputs,
    predicted_classes,
)
from lossatlas.landscape.ensembles.scores import nll
from lossatlas.landscape.ensembles.summary import Summary, as_dataset, of_split
from lossatlas.landscape.ensembles.tempering import temperature, tempered
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.mapping.ranks import ranks
from lossatlas.landscape.measuring.evaluate import identity, settings
from lossatlas.landscape.measuring.predictions import Predictions
from lossatlas.landscape.measuring.prepared import PreparedProblem, prepared
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.landscape.survey import survey
from lossatlas.weight_space import check_alike, parameters, weights_digest


@survey(  # 2: a confidence of 1 lies in the last bin of the calibration error
    products=None, version=2, added={"points": 5, "temper_on": None}, any_network=True
)
def ensemble(
    problem: Problem,
    *,
    members: Members = (),
    own: bool = False,
    points: int = 5,
    weights: Sequence[float] | None = None,
    combine: str = "probabilities",
    choose_on: str | None = None,
    temper_on: str | None = None,
    bins: int = 15,
    splits: Sequence[str] | None = None,
    engine: Engine = EXACT,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Ensemble scores: of the average of the first m, the last m and the best m of ``members``, for every m.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    members : state dict, network or ControlledCurve, or several by number or in a list, default ()
        Weights of the problem's network, each with its own statistics of batch norm; modules, with their weights, of
        whatever architecture that takes the same inputs and tells the same classes apart; curves, with members on them.
    own : bool, default False
        Whether the problem's network comes before them.
    points : int, default 5
        Members on a curve among them, evenly over it with both ends, >= 2. Between these its running statistics of
        batch norm mean nothing: an engine recomputes them.
    weights : sequence of float, optional
        How much each member counts, > 0; None: all alike.
    combine : {"probabilities", "logits"}, default "probabilities"
        What is averaged: softmax probabilities, or the outputs before the softmax. Outputs that are probabilities
        already, as the loss tells, are taken as they are, and their logarithms for the outputs before.
    choose_on : str, optional
        Split, not "test", by whose negative log-likelihood the best m are chosen, by which the members are ranked one
        by one; None: they are not.
    temper_on : str, optional
        Split, not "test", on which each member is tempered: its outputs are divided by the `temperature` at which its
        negative log-likelihood there is lowest; None: outputs are taken as they are.
    bins : int, default 15
        Bins of the calibration error.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Batches, subsample, statistics of batch norm; a reduced precision is not taken.
    journal : str or Path, optional
        File that keeps the outputs of each member, from which an interrupted survey goes on (`Journal`); None:
        nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        Over (split, size), for ``error``, ``nll`` (in nats), ``brier`` and ``calibration_error`` the values of the
        ensembles: ``error_first``, ``error_last`` and, with ``choose_on``, ``error_best``; over (split,) that of all
        members, ``error``; over (split, member) those of each alone, ``member_error`` and so on; over (split, member,
        other) ``disagreement``, the share that two members classify differently, ``correlation`` of their
        probabilities, ``both_wrong``, the share that both misclassify, and ``error_product``, the mean inner product of
        their errors, probabilities less the target; over (member, other) the ``distance`` of their parameters, NaN
        where these are of other shapes; over (split,) ``agreement``, on how many of its ``examples`` all members
        agree; and ``chosen`` over (size,), the member that the best m have and the best m - 1 have not; with
        ``temper_on``, ``temperature`` over (member,). All are in float64.

    Raises
    ------
    ValueError
        For no members, for values out of their range, for targets that are no classes or that the loss leaves out or
        holds against the output at another place, for outputs that are no probabilities nor what the loss takes the
        softmax of, naming the first difference, for weights of another shape, and for a network that does not take
        the inputs or tells other classes apart.

    References
    ----------
    Huang et al. 2017, arXiv:1704.00109; Goodfellow et al. 2016, "Deep Learning", section 7.11, on ``error_product``;
    Guo et al. 2017, arXiv:1706.04599, on ``temper_on``.

    Examples
    --------
    >>> data = {"train": (torch.eye(2), torch.arange(2)), "test": (torch.eye(2), torch.arange(2))}
    >>> right = torch.nn.Linear(2, 2, bias=False)
    >>> _ = right.weight.data.copy_(2 * torch.eye(2))
    >>> problem = Problem(right, torch.nn.CrossEntropyLoss(), data)
    >>> dataset = ensemble(problem, members=[{"weight": -torch.eye(2)}], own=True)
    >>> dataset.member_error.sel(split="test").values, dataset.error_first.sel(split="test").values
    (array([0., 1.]), array([0., 0.]))
    """
    networks = _networks(problem, members, own, points)
    shares = _shares(weights, len(networks))
    average = chosen("combine", combine, AVERAGES)
    names = problem.select(splits)
    if bins < 1:
        raise ValueError(f"bins must be >= 1, got {bins}")
    check_held_out(problem, "choose_on", choose_on, "chosen")
    check_held_out(problem, "temper_on", temper_on, "tempered")
    measured = list(dict.fromkeys([*filter(None, (temper_on, choose_on)), *names]))
    with prepared(problem, splits=measured, engine=engine.exact()) as ready:
        predicted = predicted_classes(ready)
        attributes = {
            "survey": "ensemble",
            "own": int(own),
            "combine": combine,
            "member_weights": ", ".join(map(repr, shares)),
            "choose_on": choose_on or "none",
            **({"temper_on": temper_on} if temper_on else {}),
            "bins": bins,
            **({"outputs": "probabilities"} if predicted.are_probabilities else {}),
            **settings(ready),
            **_architectures(problem, networks),
        }
        keep: dict[str, Any] = {"journal": journal, "progress": progress, "header": {}}
        if journal is not None or ranks().world_size > 1:
            keep["header"] = {**attributes, **identity(ready), "members": [*map(_digest, networks)]}
        orders = {"first": list(range(len(networks))), "last": list(reversed(range(len(networks))))}
        summaries: dict[str, Summary] = {}
        temperatures: list[float] = []
        for number, split in enumerate(measured):
            logits = _logits(problem, ready, networks, number, measured, predicted, **keep)
            targets = classes(ready, split)
            if split == temper_on:  # the first of those measured
                temperatures = [temperature(of_member, targets) for of_member in logits]
            if temperatures:
                logits = tempered(logits, temperatures)
            if split == choose_on:
                orders["best"] = _ranked(logits, targets)
            if split in names:
                summaries[split] = of_split(logits, targets, shares, average, bins, orders)
    apart = distances(networks, list(parameters(problem.model)))
    dataset = as_dataset([summaries[name] for name in names], names, apart, orders, attributes)
    return dataset.assign(_of_members(temperatures)) if temper_on else dataset


def _networks(problem: Problem, members: Members, own: bool, points: int) -> list[Member]:
    expected = problem.model.state_dict()
    networks: list[Member] = [expected] if own else []
    for member in listed(members):
        what = f"member {len(networks)}"
        if isinstance(member, ControlledCurve):
            networks += on_curve(member.of(problem.model), points, expected)
        elif isinstance(member, nn.Module):
            check_network(member, problem, f"{what}, {type(member).__name__},")
            networks.append(member)
        else:
            check_alike(expected, member, what)
            networks.append(dict(member))
    if not networks:
        raise ValueError(
            "members: an ensemble needs a network at least; own=true takes the one that is surveyed"
        )
    return networks


def _architectures(problem: Problem, networks: Sequence[Member]) -> dict[str, str]:
    """The attribute ``networks``, their kinds, where there are several architectures."""
    if not any(isinstance(network, nn.Module) for network in networks):
        return {}
    kinds = [network if isinstance(network, nn.Module) else problem.model for network in networks]
    return {"networks": ", ".join(type(kind).__name__ for kind in kinds)}


def _digest(network: Member) -> str:
    """What tells a member from others in a journal."""
    if isinstance(network, nn.Module):
        return f"{weights_digest(network.state_dict())} {network!r}"
    return weights_digest(dict(network))


def _shares(weights: Sequence[float] | None, members: int) -> list[float]:
    shares = [1.0] * members if weights is None else [float(weight) for weight in weights]
    if len(shares) != members or not all(isfinite(share) and share > 0 for share in shares):
        raise ValueError(f"weights must be {members} positive numbers, one for each member, got {shares}")
    return shares


def _of_members(temperatures: Sequence[float]) -> dict[str, Any]:
    about = {"long_name": "temperature by which the outputs are divided", "units": "1"}
    return {"temperature": (("member",), list(temperatures), about)}


def _logits(
    problem: Problem,
    ready: PreparedProblem,
    networks: Sequence[Member],
    number: int,
    measured: Sequence[str],
    predicted: Predictions,
    *,
    journal: str | Path | None,
    header: Mapping[str, Any],
    progress: Progress | None,
) -> Tensor:
    """Outputs of all members on split ``number`` of those ``measured``, (M, N, C) in float64: one split at a time."""
    split, total = measured[number], len(networks)

    def measure(index: int) -> list[float]:
        network = networks[index - number * total]
        if not isinstance(network, nn.Module):
            return outputs(ready, network, split, predicted).flatten().tolist()
        other = Problem(network, problem.loss, problem.data)
        with prepared(other, splits=[split], engine=ready.engine) as of_network:
            return outputs(of_network, {}, split, predicted_classes(of_network)).flatten().tolist()

    def report(done: int, of: int) -> None:
        if progress is not None:
            progress(number * total + done, number * total + of + (len(measured) - number - 1) * total)

    rows = map_points(
        len(measured) * total,
        measure,
        indices=range(number * total, (number + 1) * total),
        journal=journal,
        header=header,
        progress=report,
    )
    return torch.from_numpy(rows).reshape(total, len(classes(ready, split)), -1)


def _ranked(logits: Tensor, targets: Tensor) -> list[int]:
    """The members from the lowest negative log-likelihood to the highest, NaN last; the earlier first of a tie."""
    losses = [nll(of_member.log_softmax(-1), targets) for of_member in logits]
    return [int(member) for member in np.argsort(losses, kind="stable")]
