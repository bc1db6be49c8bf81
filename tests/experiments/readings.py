"""What a configuration means: the values at its keys, and what is made of them, as the tables of papers/ name both.

A key is a path of dots ("study.ends.0.run.epochs"; "values.X" for a value of the experiment), or something that is
worked out, of the whole configuration ("layers") or of a part of it ("rate factors of study.ends.0.run").
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn

from lossatlas.figures import style
from lossatlas.runs.build import build_network, make

MISSING = object()
VALUES = "values"  # of an experiment: what its claims and figures refer to
READINGS: dict[str, Callable[[Any, Any], Any]] = {}
NORMS = nn.BatchNorm1d | nn.BatchNorm2d


def read(config: Mapping[str, Any], key: str | tuple[str, ...], expected: Any = None) -> Any:
    """Value of a key, `MISSING` where there is none; of several keys a tuple."""
    if isinstance(key, tuple):
        return tuple(read(config, each) for each in key)
    if key.startswith("values."):
        return read(config["experiment"][VALUES], key.removeprefix("values."), expected)
    name, _, part = key.partition(" of ")
    if key in READINGS:
        return READINGS[key](config, expected)
    if name in READINGS:
        node = read(config, part)
        return MISSING if node is MISSING else READINGS[name](node, expected)
    node = config
    for step in key.split("."):
        if isinstance(node, list) and step.isdigit():
            node = node[int(step)]
        elif isinstance(node, Mapping) and step in node:
            node = node[step]
        else:
            return MISSING
    return node


def agrees(found: Any, expected: Any) -> bool:
    """Whether a value is the expected one: a node agrees with the name of its class, and with some of its keys."""
    match expected:
        case str():
            return named(found) == expected
        case dict() if not expected:
            return found == {}
        case dict():
            return isinstance(found, Mapping) and all(
                agrees(found.get(key, MISSING), value) for key, value in expected.items()
            )
        case list() | tuple():
            return (
                isinstance(found, list | tuple)
                and len(found) == len(expected)
                and all(map(agrees, found, expected))
            )
        case bool() | None:
            return found is expected
        case int() | float():
            return isinstance(found, int | float) and found == pytest.approx(expected)
    return bool(found == expected)


def named(found: Any) -> Any:
    """Name of the class that a node is made into; anything else as it is."""
    target = found.get("_target_") if isinstance(found, Mapping) else None
    return target.rpartition(".")[2] if target else found


def hashable(found: Any) -> Any:
    """The same for members of sets, with lists as tuples and floats of nine digits."""
    match named(found):
        case list() | tuple() as several:
            return tuple(map(hashable, several))
        case float() as number:
            return float(f"{number:.9g}")
        case other:
            return other


def reading(name: str) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Register what is worked out of a configuration, or of a part of one, and of what is expected of it."""

    def register(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        READINGS[name] = function
        return function

    return register


@reading("names")
def _names(node: Any, _: Any) -> list[str]:
    return list(node)


@reading("seeds")
def _seeds(references: Any, _: Any) -> list[int]:
    """Of runs that are named by a configuration or by overrides."""
    runs = [reference["run"] for reference in references]
    return [run["seed"] if isinstance(run, dict) else int(run[-1].removeprefix("seed=")) for run in runs]


@reading("rate factors")
def _rate_factors(config: Any, expected: Any) -> dict[float, float]:
    """Of the rate, by epoch."""
    schedule = make(config["scheduler"])
    return {epoch: schedule(epoch) for epoch in expected}


@reading("ends of cycles")
def _ends_of_cycles(config: Any, _: Any) -> list[float]:
    """Epochs after which the rate is lowest."""
    return [step / 10 for step in make(config["scheduler"]).minima(10 * config["epochs"], 10)]


@reading("cycles of a band")
def _cycles(config: Any, _: Any) -> list[tuple[int, float]]:
    """Steps and rate of each."""
    rate = config["optimizer"]["lr"]
    return [(cycle["steps"], rate * cycle.get("factor", 1.0)) for cycle in config["study"]["cycles"]]


@reading("strength of the push")
def _strength(config: Any, _: Any) -> float:
    return 0 if named(config["study"]["push"]) == "Nothing" else config["study"]["strength"]


@reading("width of the hill")
def _width(config: Any, _: Any) -> float:
    """Of exp(-D / width), the reciprocal of the kernel's precision."""
    return 1 / make(config["study"]["width"]).precision(torch.ones(1, dtype=torch.float64)).item()


@reading("steepness over weight decay")
def _steepness(config: Any, _: Any) -> float:
    """2 s a / wd: how much steeper the hill is at the checkpoint."""
    strength, decay = config["study"]["strength"], config["optimizer"]["weight_decay"]
    return 2 * strength / _width(config, None) / decay


@reading("kernel")
def _kernel(config: Any, expected: Any) -> dict[float, float]:
    kernel = make(config["study"]["kernel"])
    return {x: kernel.value(torch.tensor(x, dtype=torch.float64)).item() for x in expected}


@reading("drawn contours")
def _drawn_contours(*_: Any) -> list[float]:
    return list(style.LEVELS)


def network(config: Any) -> nn.Module:
    """The network of a configuration, without memory for its weights."""
    with torch.device("meta"):
        made: nn.Module = make(config["model"])
    return made


def layers(config: Any) -> list[nn.Conv2d | nn.Linear]:
    """Convolutions and linear layers but those of shortcuts."""
    modules = network(config).named_modules()
    return [m for name, m in modules if isinstance(m, nn.Conv2d | nn.Linear) and "shortcut" not in name]


@reading("layers")
def _layers(config: Any, _: Any) -> int:
    return len(layers(config))


@reading("kinds of layers")
def _kinds(config: Any, _: Any) -> list[str]:
    return [type(layer).__name__ for layer in layers(config)]


@reading("layers in order")
def _layers_in_order(config: Any, _: Any) -> list[str]:
    def described(layer: nn.Module) -> str | None:
        match layer:
            case nn.Conv2d():
                return f"convolution {layer.in_channels}-{layer.out_channels}"
            case nn.Linear():
                return f"linear {layer.in_features}-{layer.out_features}"
            case nn.MaxPool2d():
                return f"pool {layer.kernel_size}"
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                return f"norm {layer.num_features}"
        return None

    return [words for words in map(described, network(config).modules()) if words]


@reading("convolutions")
def _convolutions(config: Any, _: Any) -> list[int]:
    """Channels of each but those of shortcuts."""
    return [layer.out_channels for layer in layers(config) if isinstance(layer, nn.Conv2d)]


@reading("channels")
def _channels(config: Any, _: Any) -> list[int]:
    """Those that any convolution has."""
    convolutions = [m for m in network(config).modules() if isinstance(m, nn.Conv2d)]
    return sorted({layer.out_channels for layer in convolutions})


@reading("first convolution")
def _first_convolution(config: Any, _: Any) -> str:
    first = next(layer for layer in layers(config) if isinstance(layer, nn.Conv2d))
    return f"{first.kernel_size[0]}x{first.kernel_size[1]}, stride {first.stride[0]}"


@reading("linear")
def _linear(config: Any, _: Any) -> list[str]:
    linear = [layer for layer in layers(config) if isinstance(layer, nn.Linear)]
    return [f"{layer.in_features}-{layer.out_features}" for layer in linear]


@reading("linear outputs")
def _linear_outputs(config: Any, _: Any) -> list[int]:
    return [layer.out_features for layer in layers(config) if isinstance(layer, nn.Linear)]


@reading("projections")
def _projections(config: Any, _: Any) -> int:
    """1x1 convolutions of shortcuts."""
    modules = network(config).named_modules()
    return sum(isinstance(m, nn.Conv2d) and "shortcut" in name for name, m in modules)


@reading("shortcuts")
def _shortcuts(config: Any, _: Any) -> list[str]:
    """What adds the input of each block to its output; NoneType where nothing does."""
    blocks = [
        m for m in network(config).modules() if hasattr(m, "shortcut") and not isinstance(m.shortcut, str)
    ]
    return [type(block.shortcut).__name__ for block in blocks]


@reading("norms")
def _norms(config: Any, _: Any) -> int:
    return sum(isinstance(m, NORMS) for m in network(config).modules())


@reading("dropouts")
def _dropouts(config: Any, _: Any) -> int:
    return sum("Dropout" in type(m).__name__ for m in network(config).modules())


@reading("parameters")
def _parameters(config: Any, _: Any) -> int:
    return sum(parameter.numel() for parameter in network(config).parameters())


@reading("first loss")
def _first_loss(config: Any, _: Any) -> float:
    """Of the network before training, on noise."""
    images = torch.randn(50, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return nn.functional.cross_entropy(build_network(config)(images), torch.arange(50) % 10).item()
