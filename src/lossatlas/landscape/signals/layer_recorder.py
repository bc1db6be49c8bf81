"""Recording a network's layers in a forward and a backward pass: their outputs, and the loss's derivative by them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lossatlas.choices import nearest
from lossatlas.landscape.measuring.differentiating import differentiable
from lossatlas.landscape.measuring.prepared import PreparedProblem

_TRIED = 2  # examples of a pass that only tells which layers there are


@dataclass(frozen=True)
class Layer:
    """A call of a module in a forward pass; one that is called again is another layer."""

    module: str  # its name in the network, "" for the network itself
    kind: str  # its class
    call: int  # 1 for the first

    @property
    def name(self) -> str:
        """The module's name, with the number of the call from the second on: "relu", "relu#2"."""
        name = self.module or self.kind
        return name if self.call == 1 else f"{name}#{self.call}"


@dataclass
class Recorded:
    """What was heard of a network's layers, one after the other as their calls ended."""

    modules: list[tuple[str, str]] = field(default_factory=list)  # name and class of each that was called
    moments: list[Tensor] = field(default_factory=list)  # (3,) each: count, mean, squared deviations from it
    squares: dict[int, Tensor] = field(default_factory=dict)  # of the derivatives, by the number of the call


def layers_of(ready: PreparedProblem, split: str) -> list[Layer]:
    """Layers of the network in the order in which a forward pass ends their calls.

    They are the modules without parts, and those that have parameters of their own. ValueError if there are none
    that can be heard, as in a network that was compiled to TorchScript.

    >>> from lossatlas.landscape.measuring.prepared import prepared
    >>> from lossatlas.landscape.problem import Problem
    >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> data = {"train": (torch.ones(4, 2), torch.ones(4, 2))}
    >>> with prepared(Problem(network, nn.MSELoss(), data)) as ready:
    ...     [(layer.name, layer.kind) for layer in layers_of(ready, "train")]
    [('0', 'Linear'), ('1', 'ReLU'), ('2', 'Linear')]
    """
    inputs = ready.batches[split][0][0][:_TRIED]
    with recording(ready.model) as heard, differentiable():
        ready.model(inputs)
    if not heard.modules:
        raise ValueError(
            f"no layer of {type(ready.model).__name__} can be heard: it calls no module of torch"
        )
    before = [heard.modules[:place].count(module) for place, module in enumerate(heard.modules)]
    return [Layer(*module, calls + 1) for module, calls in zip(heard.modules, before, strict=True)]


def layers_chosen(layers: Sequence[Layer], patterns: Sequence[str] | None) -> list[int]:
    """Places of the ``layers`` that fit one of the ``patterns``, by their name or their class; None: of all.

    ValueError for a pattern that fits none.

    >>> layers_chosen([Layer("0", "Linear", 1), Layer("1", "ReLU", 1), Layer("out", "Linear", 1)], ["Linear"])
    [0, 2]
    """
    if patterns is None:
        return list(range(len(layers)))
    if isinstance(patterns, str) or not len(patterns):
        raise ValueError(f"layers must be a list of names or classes of layers, got {patterns!r}")
    places: set[int] = set()
    for pattern in map(str, patterns):
        fitting = {k for k, each in enumerate(layers) if _fits(each, pattern)}
        if not fitting:
            known = dict.fromkeys(name for layer in layers for name in (layer.name, layer.kind))
            raise ValueError(f"layers: {pattern!r} fits no layer of the network, {nearest(pattern, known)}")
        places |= fitting
    return sorted(places)


def _fits(layer: Layer, pattern: str) -> bool:
    return fnmatchcase(layer.name, pattern) or fnmatchcase(layer.kind, pattern)


def layer_of_each(parameters: Sequence[str], layers: Sequence[Layer]) -> dict[str, int]:
    """Place of the layer that has each of ``parameters``: the first call of the innermost module that is among them.

    One that no layer has is left out.

    >>> layer_of_each(["0.weight", "scale"], [Layer("0", "Linear", 1), Layer("0", "Linear", 2)])
    {'0.weight': 0}
    """
    places = {layer.module: place for place, layer in reversed(list(enumerate(layers)))}
    found = {}
    for name in parameters:
        module = name
        while module and module not in places:
            module = module.rpartition(".")[0]
        if module in places:
            found[name] = places[module]
    return found


@contextmanager
def recording(model: nn.Module) -> Iterator[Recorded]:
    """Hear the layers of ``model`` in the block: moments of their outputs, and squares of the derivatives by them.

    Of several outputs the first tensor of floating point counts. A derivative is heard where one by a parameter is
    asked for to which the way back leads through the layer.

    >>> network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Identity())
    >>> with recording(network) as heard:
    ...     (3 * network(torch.tensor([[1.0], [2.0]])).sum()).backward()
    >>> len(heard.moments), heard.squares[1]  # 3 for each of two examples
    (2, tensor(18., dtype=torch.float64))
    """
    heard = Recorded()

    def hear(name: str, module: nn.Module, arguments: Any, output: Any) -> None:
        signal = _signal(output)
        if signal is None:
            return
        number = len(heard.modules)
        heard.modules.append((name, type(module).__name__))
        heard.moments.append(_moments(signal.detach()))
        if signal.requires_grad:
            signal.register_hook(partial(hear_derivative, number))

    def hear_derivative(number: int, derivative: Tensor) -> None:
        heard.squares[number] = derivative.detach().double().square().sum()

    with ExitStack() as stack:
        for name, module in _listened_to(model).items():
            stack.callback(module.register_forward_hook(partial(hear, name)).remove)
        yield heard


def _listened_to(model: nn.Module) -> Mapping[str, nn.Module]:
    """Modules without parts, and with parameters of their own, by name; a parametrisation is no part."""

    def parts(module: nn.Module) -> set[str]:
        return {name for name, _ in module.named_children()} - {"parametrizations"}

    def own(module: nn.Module) -> bool:
        return "parametrizations" in dict(module.named_children()) or bool(
            list(module.parameters(recurse=False))
        )

    return {
        name: module
        for name, module in model.named_modules()
        if "parametrizations" not in name.split(".") and (not parts(module) or own(module))
    }


def _signal(output: Any) -> Tensor | None:
    if isinstance(output, tuple | list):
        return next((each for each in map(_signal, output) if each is not None), None)
    return output if isinstance(output, Tensor) and output.is_floating_point() and output.numel() else None


def _moments(signal: Tensor) -> Tensor:
    """Count, mean and sum of squared deviations from it, (3,) in float64."""
    values = signal.double()
    mean = values.mean()
    return torch.stack([torch.full_like(mean, values.numel()), mean, (values - mean).square().sum()])
