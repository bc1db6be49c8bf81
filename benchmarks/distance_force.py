"""What the force of a distance kernel costs a training step: `lossatlas.optim.distancing` against Python loops.

ResNet-32 and MobileNetV2 on images of 3 x 32 x 32, with 1, 3 and 10 checkpoints and the kernel of the distance-kernel
thesis (von Bachmann 2021). Each way adds the gradient of the penalty to gradients that are there:

    lossatlas     the closed form on one vector of all parameters (`DistanceForce`)
    foreach       the closed form by torch's foreach operations on the list of parameters
    closed loop   the closed form by a Python loop over parameters
    autograd      the penalty by a Python loop over parameters, and backward: the thesis's way

They run by turns in one process on one thread, and give the same gradient, which is checked against float64. A step is
forward, backward and SGD with momentum on a batch of random images. Without checkpoints there is no force and no cost.
Results: `distance_force.json`.

    python benchmarks/distance_force.py [--repetitions 25] [--batch 128] [--threads 1]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from machine import describe
from torch import Tensor, nn

from lossatlas.models import MobileNetV2, ResNet
from lossatlas.optim.distancing import RBF, Away, Distance, DistanceForce, EachCheckpoint, InverseWidth

SHAPE = (3, 32, 32)
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "ResNet-32": partial(ResNet, 32, width=16, input_shape=SHAPE, classes=10),
    "MobileNetV2": partial(MobileNetV2, input_shape=SHAPE, classes=10),
}
CHECKPOINTS = (1, 3, 10)
STRENGTH, WIDTH = 1.0, 1e-3  # the thesis's default: exp(-D / 1000)
AIM = 5.0  # times as fast as autograd
TOLERANCES = {
    "foreach": 1e-5
}  # of the force's norm; torch's norm of 400,000 numbers in float32 has this error
TOLERANCE = 1e-6  # of the others
Points = list[list[Tensor]]
Way = Callable[[Sequence[nn.Parameter], Points], Callable[[], None]]


def autograd(parameters: Sequence[nn.Parameter], checkpoints: Points) -> Callable[[], None]:
    def add() -> None:
        penalty = torch.zeros(())
        for checkpoint in checkpoints:
            squared = torch.zeros(())
            for parameter, there in zip(parameters, checkpoint, strict=True):
                squared = squared + (parameter - there).pow(2).sum()
            penalty = penalty + STRENGTH / len(checkpoints) * torch.exp(-WIDTH * squared)
        penalty.backward()

    return add


def closed_loop(parameters: Sequence[nn.Parameter], checkpoints: Points) -> Callable[[], None]:
    @torch.no_grad()
    def add() -> None:
        for checkpoint in checkpoints:
            squared = torch.zeros(())
            for parameter, there in zip(parameters, checkpoint, strict=True):
                squared += (parameter - there).pow(2).sum()
            factor = _slope(squared, len(checkpoints))
            for parameter, there in zip(parameters, checkpoint, strict=True):
                _gradient(parameter).add_(factor * (parameter - there))

    return add


def foreach(parameters: Sequence[nn.Parameter], checkpoints: Points) -> Callable[[], None]:
    @torch.no_grad()
    def add() -> None:
        gradients = [_gradient(parameter) for parameter in parameters]
        for checkpoint in checkpoints:
            offsets = torch._foreach_sub(list(parameters), checkpoint)
            squared = torch.stack(torch._foreach_norm(offsets)).square().sum()
            torch._foreach_mul_(offsets, _slope(squared, len(checkpoints)))
            torch._foreach_add_(gradients, offsets)

    return add


def lossatlas(parameters: Sequence[nn.Parameter], checkpoints: Points) -> Callable[[], None]:
    parts = {"distance": Distance(), "merging": EachCheckpoint(), "push": Away()}
    force = DistanceForce(RBF(), InverseWidth(WIDTH), STRENGTH, **parts)
    layout = Distance().layout(nn.ParameterList(parameters))
    centres = force.centres(layout, checkpoints, checkpoints[0])

    def add() -> None:
        gradient = force(layout, parameters, centres).gradient
        torch._foreach_add_([_gradient(parameter) for parameter in parameters], gradient)

    return add


def _slope(squared: Tensor, checkpoints: int) -> Tensor:
    return -2 * WIDTH * STRENGTH / checkpoints * torch.exp(-WIDTH * squared)


def _gradient(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


WAYS: dict[str, Way] = {
    "lossatlas": lossatlas,
    "foreach": foreach,
    "closed loop": closed_loop,
    "autograd": autograd,
}


def far_from(network: nn.Module, checkpoints: int) -> Points:
    """Checkpoints at squared distances of some hundreds from the network, as the thesis's are."""
    random = torch.Generator().manual_seed(0)
    parameters = [parameter.detach() for parameter in network.parameters()]
    scale = (500 / sum(parameter.numel() for parameter in parameters)) ** 0.5
    return [
        [p + scale * torch.randn(p.shape, generator=random) for p in parameters] for _ in range(checkpoints)
    ]


def forces(parameters: Sequence[nn.Parameter], adds: dict[str, Callable[[], None]]) -> dict[str, Tensor]:
    """What each way adds to gradients of zero, as a vector in float64."""
    found = {}
    for name, add in adds.items():
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        add()
        found[name] = torch.cat([_gradient(parameter).flatten() for parameter in parameters]).double()
    return found


def exact(parameters: Sequence[nn.Parameter], checkpoints: Points) -> Tensor:
    """The force in float64, as a vector."""
    here = torch.cat([parameter.detach().flatten() for parameter in parameters]).double()
    offsets = [here - torch.cat([t.flatten() for t in checkpoint]).double() for checkpoint in checkpoints]
    return torch.stack([_slope(o.square().sum(), len(offsets)) * o for o in offsets]).sum(0)


def check_equal(found: dict[str, Tensor], truth: Tensor) -> dict[str, float]:
    """Distance of each way's force from ``truth``, of its norm. AssertionError above its tolerance."""
    errors = {name: float((force - truth).norm() / truth.norm()) for name, force in found.items()}
    for name, error in errors.items():
        if error > TOLERANCES.get(name, TOLERANCE):
            raise AssertionError(f"{name} is off by {error:.0e} of the force: it does not do the same work")
    return errors


def clocked(work: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds by the wall and of the processor."""
    wall, processor = time.perf_counter(), time.thread_time()
    work()
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.thread_time() - processor)


def by_turns(works: dict[str, Callable[[], Any]], repetitions: int) -> dict[str, list[tuple[float, float]]]:
    """Times of each of ``works``, one turn for warming up left out."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(repetitions + 1):
        for name, work in works.items() if turn % 2 else reversed(works.items()):
            measured = clocked(work)
            if turn:
                times[name].append(measured)
    return times


def step(network: nn.Module, batch: int) -> Callable[[], None]:
    """A training step on random images."""
    inputs, targets = torch.randn(batch, *SHAPE), torch.randint(10, (batch,))
    optimizer = torch.optim.SGD(network.parameters(), 1e-6, momentum=0.9, weight_decay=1e-3)

    def once() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), targets).backward()
        optimizer.step()

    return once


def measure(make: Callable[[], nn.Module], batch: int, repetitions: int) -> dict[str, Any]:
    """Times of the step and, for each number of checkpoints, of all ways, with their ratios of the same turn."""
    network = make()
    parameters = list(network.parameters())
    steps = by_turns({"step": step(network, batch)}, max(3, repetitions // 5))["step"]
    of_step = statistics.median(processor for _, processor in steps)
    result: dict[str, Any] = {
        "parameters": sum(parameter.numel() for parameter in parameters),
        "tensors": len(parameters),
        "processor_milliseconds_of_a_step": round(of_step, 1),
        "checkpoints": {},
    }
    for count in CHECKPOINTS:
        checkpoints = far_from(network, count)
        adds = {name: way(parameters, checkpoints) for name, way in WAYS.items()}
        errors = check_equal(forces(parameters, adds), exact(parameters, checkpoints))
        times = by_turns(adds, repetitions)
        result["checkpoints"][str(count)] = {
            name: {
                "relative_error": float(f"{errors[name]:.1e}"),
                **_summary(times[name], times["lossatlas"], of_step),
            }
            for name in WAYS
        }
    return result


def _summary(
    times: Sequence[tuple[float, float]], ours: Sequence[tuple[float, float]], of_step: float
) -> dict[str, Any]:
    walls, processors = zip(*times, strict=True)
    ratios = [
        [theirs[clock] / mine[clock] for theirs, mine in zip(times, ours, strict=True)] for clock in (0, 1)
    ]
    low, median, high = statistics.quantiles(ratios[0], n=4, method="inclusive")
    return {
        "milliseconds": round(statistics.median(walls), 3),
        "processor_milliseconds": round(statistics.median(processors), 3),
        "share_of_a_step": round(statistics.median(processors) / of_step, 5),
        "times_ours": {"median": round(median, 2), "quartiles": [round(low, 2), round(high, 2)]},
        "times_ours_of_processor": round(statistics.median(ratios[1]), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=25)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    report: dict[str, Any] = {
        "what": "milliseconds that a way of adding the force of checkpoints takes, and how many times ours that is",
        "threads": options.threads,
        "batch": options.batch,
        "repetitions": options.repetitions,
        "aim_against_autograd": AIM,
        **describe(),
        "results": {},
    }
    for name, make in NETWORKS.items():
        report["results"][name] = result = measure(make, options.batch, options.repetitions)
        for count, found in result["checkpoints"].items():
            ratios = {way: times["times_ours_of_processor"] for way, times in found.items()}
            share = found["lossatlas"]["share_of_a_step"]
            print(f"{name}, {count} checkpoints: {share:.2%} of a step; times ours: {ratios}", flush=True)
    options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
