"""The members of an ensemble: their weights, how far apart these are, and what each says of the examples."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from lossatlas.landscape.measuring.isolation import evaluation_mode
from lossatlas.landscape.measuring.predictions import Predictions, predictions
from lossatlas.landscape.measuring.prepared import PreparedProblem
from lossatlas.landscape.measuring.targets import class_axis
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.shapes.controlled_curve import ControlledCurve
from lossatlas.weight_space import norm, parameters

State = Mapping[str, Tensor]
"""A network's state dict: parameters, and the statistics of its batch norms."""

States = State | Mapping[int, State] | Sequence["States"]
"""State dicts: one, several by number, several in a list, or lists of such."""

Member = State | nn.Module
"""Weights of the network that is surveyed, or a network of whatever architecture, with its own."""

Members = Member | ControlledCurve | Mapping[int, Member] | Sequence["Members"]
"""Members: one, several by number, several in a list, or lists of such; or the curve on which they lie."""


def listed(members: Members) -> Iterator[Any]:
    """The state dicts, networks and curves one after the other.

    >>> one, two = {"weight": torch.zeros(1)}, {"weight": torch.ones(1)}
    >>> [int(state["weight"]) for state in listed([one, {3: two, 7: one}])]
    [0, 1, 0]
    """
    if isinstance(members, nn.Module | ControlledCurve) or is_state(members):
        yield members
    elif isinstance(members, Mapping):
        yield from members.values()
    else:
        for part in members:
            yield from listed(part)


def on_curve(curve: ControlledCurve, points: int, like: State) -> Iterator[State]:
    """State dicts of ``points`` networks, evenly over t in [0, 1]; what the curve does not give is as in ``like``."""
    grid = curve.grid(points)
    for index in range(points):
        state = {name: tensor.detach().clone() for name, tensor in like.items()}
        grid.weights_at(index, state)
        yield state


def is_state(members: Members) -> TypeGuard[State]:
    """Whether this is a single state dict.

    >>> is_state({"weight": torch.zeros(1)}), is_state({0: {"weight": torch.zeros(1)}})
    (True, False)
    """
    return isinstance(members, Mapping) and any(isinstance(value, Tensor) for value in members.values())


def distances(members: Sequence[Member], names: Sequence[str]) -> Tensor:
    """Euclidean distance of any two networks over their parameters, (M, M) in float64.

    Those of a state dict are the tensors ``names``. NaN for two that differ in names or shapes.

    >>> distances([{"w": torch.zeros(2)}, {"w": torch.tensor([3.0, 4.0])}, nn.Linear(2, 1)], ["w"])
    tensor([[0., 5., nan],
            [5., 0., nan],
            [nan, nan, 0.]], dtype=torch.float64)
    """
    points = [
        parameters(member) if isinstance(member, nn.Module) else {name: member[name] for name in names}
        for member in members
    ]
    shapes = [{name: tensor.shape for name, tensor in point.items()} for point in points]
    found = torch.zeros(len(points), len(points), dtype=torch.float64)
    for row, one in enumerate(points):
        for column in range(row):
            other = points[column]  # which may lie on another device
            apart = float("nan")
            if shapes[row] == shapes[column]:
                apart = norm({name: one[name].double().cpu() - other[name].double().cpu() for name in one})
            found[row, column] = found[column, row] = apart
    return found


def check_network(member: nn.Module, problem: Problem, what: str) -> None:
    """Raise ValueError unless a network takes the data, and gives an output as that which is surveyed gives.

    ``what`` says in the message what the network is.
    """
    split, (inputs, _) = next(iter(problem.data.items()))
    with torch.inference_mode():
        with evaluation_mode(problem.model):
            expected = problem.model(inputs[:2])
        try:
            with evaluation_mode(member):
                given = member(inputs[:2])
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"{what} does not take inputs of {list(inputs.shape[1:])}, those of split {split!r}: {reason}"
            ) from error
    if given.ndim == expected.ndim == 2 and given.shape != expected.shape:
        raise ValueError(
            f"{what} tells {given.shape[1]} classes apart, the network {expected.shape[1]}: "
            "the members of an ensemble must classify the same"
        )
    if given.shape != expected.shape:
        shapes = list(given.shape), list(expected.shape)
        raise ValueError(f"{what} gives outputs of {shapes[0]} for two inputs, the network of {shapes[1]}")


def predicted_classes(ready: PreparedProblem) -> Predictions:
    """How the network's outputs are read.

    ValueError unless the targets are classes, of which the outputs have each a score, and all count for the output at
    their own place; or if it is not clear what the outputs predict (`predictions`).
    """
    of_splits = {
        split: torch.cat([targets for _, targets in batches]) for split, batches in ready.batches.items()
    }
    inputs = next(iter(ready.batches.values()))[0][0]
    with torch.inference_mode():
        given = ready.model(inputs)
    for split, targets in of_splits.items():
        if (along := class_axis(given[:1], targets[:1])) is None:
            raise ValueError(
                f"an ensemble needs targets that are classes: split {split!r} has targets of dtype "
                f"{str(targets.dtype).removeprefix('torch.')} and shape {tuple(targets.shape)}, and the network "
                f"gives outputs of shape {(1, *given.shape[1:])}"
            )
        for extreme in map(int, targets.aminmax()):
            if not 0 <= extreme < given.shape[along]:
                raise ValueError(
                    f"split {split!r} has the target {extreme}, and the network {given.shape[along]} classes"
                )
    found = predictions(ready.loss, given, list(of_splits.values()))
    if found is None:
        raise ValueError(
            "an ensemble needs a loss that holds each output against the target at its own place, and counts it"
        )
    return found


def outputs(ready: PreparedProblem, state: State, split: str, predicted: Predictions) -> Tensor:
    """Logits that the network of ``ready`` gives with the weights ``state``, (N, C) in float64.

    Batch norm has the statistics of ``state``, or those of a pass over the training data if the engine says so. Of
    outputs for every pixel or word of an example each counts as an example.
    """
    with torch.inference_mode():
        for name, tensor in ready.weights.items():
            if name in state:
                tensor.copy_(state[name])
        ready.settle()
        with nullcontext() if ready.statistics is None else ready.statistics.taken():
            ready.forward.refresh()
            parts = [
                predicted.logits(ready.forward(inputs))
                .flatten(0, -2)
                .cpu()  # a copy: on a GPU it is overwritten
                for inputs, _ in ready.batches[split]
            ]
    return torch.cat(parts)


def classes(ready: PreparedProblem, split: str) -> Tensor:
    """The classes of the examples of a split, in the order of `outputs`, (N,)."""
    return torch.cat([targets.flatten() for _, targets in ready.batches[split]]).cpu()
