"""The members of an ensemble: their weights, how far apart these are, and what each says of the examples."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TypeGuard

import torch
from torch import Tensor

from lossatlas.landscape.measuring.predictions import Predictions, predictions
from lossatlas.landscape.measuring.prepared import PreparedProblem
from lossatlas.landscape.measuring.targets import class_axis
from lossatlas.weight_space import norm

State = Mapping[str, Tensor]
"""A network's state dict: parameters, and the statistics of its batch norms."""

Members = State | Mapping[int, State] | Sequence["Members"]
"""State dicts: one, several by number, several in a list, or lists of such."""


def state_dicts(members: Members) -> Iterator[State]:
    """The state dicts one after the other.

    >>> one, two = {"weight": torch.zeros(1)}, {"weight": torch.ones(1)}
    >>> [int(state["weight"]) for state in state_dicts([one, {3: two, 7: one}])]
    [0, 1, 0]
    """
    if not isinstance(members, Mapping):
        for part in members:
            yield from state_dicts(part)
    elif is_state(members):
        yield members
    else:
        yield from members.values()  # type: ignore[misc]


def is_state(members: Members) -> TypeGuard[State]:
    """Whether this is a single state dict.

    >>> is_state({"weight": torch.zeros(1)}), is_state({0: {"weight": torch.zeros(1)}})
    (True, False)
    """
    return isinstance(members, Mapping) and any(isinstance(value, Tensor) for value in members.values())


def distances(states: Sequence[State], names: Sequence[str]) -> Tensor:
    """Euclidean distance of any two networks over the tensors ``names``, (M, M) in float64.

    >>> distances([{"w": torch.zeros(2)}, {"w": torch.tensor([3.0, 4.0])}], ["w"])
    tensor([[0., 5.],
            [5., 0.]], dtype=torch.float64)
    """
    found = torch.zeros(len(states), len(states), dtype=torch.float64)
    for row, one in enumerate(states):
        for column in range(row):
            other = states[column]  # which may lie on another device
            apart = {name: one[name].double().cpu() - other[name].double().cpu() for name in names}
            found[row, column] = found[column, row] = norm(apart)
    return found


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
