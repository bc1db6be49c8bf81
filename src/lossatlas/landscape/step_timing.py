"""Benchmark of the time of a training step with the distance penalty, in closed form and by autograd."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from torch.optim import Optimizer

from lossatlas import __version__
from lossatlas.choices import chosen
from lossatlas.hardware import device_name
from lossatlas.landscape.mapping.map_points import Progress, map_points
from lossatlas.landscape.problem import Problem
from lossatlas.landscape.survey import survey
from lossatlas.optim.distancing import Centre, DistanceForce, Layout
from lossatlas.optim.distancing.distance import unflatten
from lossatlas.optim.stepping import needs_closure, needs_objective
from lossatlas.seeds import generator

_MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]

_AWAY = (
    0.01  # standard deviation of a checkpoint's entries around the network's; the time does not depend on it
)


@survey(products=None)
def step_time(
    problem: Problem,
    *,
    force: DistanceForce,
    optimizer: _MakeOptimizer,
    batch_size: int,
    ways: Sequence[str] = ("closed_form", "autograd"),
    checkpoints: Sequence[int] = (0, 1, 3, 10),
    steps: int = 10,
    rounds: int = 7,
    split: str = "train",
    clock: str = "wall",
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Step-time benchmark: seconds that a training step takes while so many ``checkpoints`` exert ``force``.

    A step is the forward pass of a batch, in training mode, the gradients, and the step of the optimizer; fetching
    and augmenting the batch, and measuring, are no part of it. All numbers of checkpoints and ways are measured by
    turns in one process, and each turn begins at the network: what an optimizer that evaluates the loss takes for
    a step depends on where it stands.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    force : DistanceForce
        Of the whole network, not by layers, which the loop has not.
    optimizer : callable
        From parameters to their optimizer. One that evaluates the loss itself is timed without checkpoints only.
    batch_size : int
        The batch is the first so many examples of ``split``.
    ways : sequence of str, default ("closed_form", "autograd")
        To the gradients. "closed_form": that of the loss by autograd, and the force added in closed form; "autograd":
        that of the loss and the penalty by autograd, in a loop over centres and tensors.
    checkpoints : sequence of int, default (0, 1, 3, 10)
        Numbers of checkpoints, 0 among them.
    steps : int, default 10
        Steps in a row that are timed together.
    rounds : int, default 7
        How often each number of checkpoints has its turn with each way.
    split : str, default "train"
        Part of the data that the batch is of.
    clock : {"wall", "processor"}, default "wall"
        Time that passes; or, on a processor that others use as well, one that stands still meanwhile. With one thread
        both are the same where nobody else does.
    journal : str or Path, optional
        File that keeps finished points, from which an interrupted survey goes on (`Journal`); None: nothing is kept.
    progress : callable, optional
        Called with the numbers of finished and of all points; may raise to stop the survey.

    Returns
    -------
    xr.Dataset
        ``round_seconds`` over (round, way, checkpoints), the mean of the steps in a row, in s; over (way,
        checkpoints) ``seconds``, their median over rounds; ``relative``, the median over rounds of the same as a
        multiple of that without checkpoints in the same round; and ``epoch_seconds``, that of as many steps as an
        epoch of the split has. These are facts of the machine, of which the attributes tell the processor or GPU and
        the threads: another time gives other numbers.

    Raises
    ------
    ValueError
        For a value out of its range, unless 0 is among ``checkpoints``, for a force by layers, for checkpoints with an
        optimizer that evaluates the loss itself, and for a GPU's time by the clock of the processor.

    Examples
    --------
    >>> from functools import partial
    >>> from lossatlas.optim.distancing import RBF, Away, Distance, EachCheckpoint, Sigma
    >>> among = {"distance": Distance(), "merging": EachCheckpoint(), "push": Away()}
    >>> force = DistanceForce(RBF(), Sigma(2.0), 1.0, **among)
    >>> problem = Problem(nn.Linear(2, 3), nn.CrossEntropyLoss(), {"train": (torch.eye(2), torch.arange(2))})
    >>> settings = {"force": force, "optimizer": partial(torch.optim.SGD, lr=0.1), "batch_size": 2}
    >>> dict(step_time(problem, **settings, checkpoints=[0, 1], rounds=2).round_seconds.sizes)
    {'round': 2, 'way': 2, 'checkpoints': 2}
    """
    _check(force, batch_size, ways, checkpoints, steps, rounds)
    problem.select([split])
    inputs, targets = problem.data[split]
    ticking = chosen("clock", clock, _CLOCKS)
    if clock != "wall" and inputs.device.type != "cpu":
        raise ValueError(f"clock={clock!r} does not tell the time of {inputs.device}; expected wall")
    arms = list(product(ways, checkpoints))
    settings = {"batch_size": batch_size, "steps": steps, "rounds": rounds, "split": split, "clock": clock}
    header = {"survey": "step_time", **settings, **_where(inputs.device)}
    with torch.inference_mode(False), torch.enable_grad():
        batch = inputs[:batch_size].clone(), targets[:batch_size].clone()

        def measure(number: int) -> list[float]:
            way, checkpoints = arms[whose_turn(number, len(arms))]
            body = _step(problem, force, optimizer, way, checkpoints, batch)
            return [seconds_of(body, times=steps, device=inputs.device, clock=ticking)]

        rows = map_points(
            rounds * len(arms),
            measure,
            chain=len(arms),
            journal=journal,
            header={**header, "ways": list(ways), "checkpoints": list(checkpoints)},
            progress=progress,
        )[:, 0]
    measured = np.empty((rounds, len(arms)))
    for number, value in enumerate(rows):
        measured[number // len(arms), whose_turn(number, len(arms))] = value
    tensors = [parameter for parameter in problem.model.parameters() if parameter.requires_grad]
    size = {"parameters": sum(tensor.numel() for tensor in tensors), "tensors": len(tensors)}
    seconds = measured.reshape(rounds, len(ways), len(checkpoints))
    return _dataset(seconds, ways, checkpoints, -(-len(targets) // batch_size), {**header, **size})


def _where(device: torch.device) -> dict[str, Any]:
    return {
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "lossatlas": __version__,
    }


def _step(
    problem: Problem,
    force: DistanceForce,
    optimizer: _MakeOptimizer,
    way: str,
    checkpoints: int,
    batch: tuple[Tensor, Tensor],
) -> Callable[[], None]:
    """A training step of a copy of the network, away from so many checkpoints around where it begins."""
    network = deepcopy(problem.model).train()
    layout = force.distance.layout(network)
    named = dict(network.named_parameters())
    parameters = [named[name] for name in layout.names]
    here = [parameter.detach().clone() for parameter in parameters]
    initial = _around(here, 0)
    held = [_around(here, 1 + number) for number in range(checkpoints)]
    centres = force.centres(layout, held, initial) if held else []
    backward = WAYS[way](force, layout, parameters, centres)
    moved = optimizer(network.parameters())
    if needs_closure(moved):
        if centres:
            raise ValueError(
                f"optimizer: {type(moved).__name__} evaluates the loss itself; expected checkpoints=[0], or one that "
                "is stepped by a gradient, which the force is added to"
            )
        return _evaluating_step(problem, network, moved, batch)
    inputs, targets = batch

    def step() -> None:
        moved.zero_grad()
        backward(problem.loss(network(inputs), targets))
        moved.step()

    return step


def _evaluating_step(
    problem: Problem, network: nn.Module, optimizer: Optimizer, batch: tuple[Tensor, Tensor]
) -> Callable[[], None]:
    """A step of an optimizer that evaluates the loss of the batch itself, as often as it likes."""
    inputs, targets = batch

    def objective() -> tuple[Tensor, Tensor]:
        outputs = network(inputs)
        return problem.loss(outputs, targets), outputs

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss, _ = objective()
        loss.backward()
        return loss

    given: dict[str, Any] = {"closure": closure}
    if needs_objective(optimizer):
        given["objective"] = objective

    def step() -> None:
        optimizer.step(**given)

    return step


def _around(here: Sequence[Tensor], number: int) -> list[Tensor]:
    draws = generator(number, "step_time")
    return [tensor + _AWAY * torch.randn(tensor.shape, generator=draws).to(tensor) for tensor in here]


def _dataset(
    seconds: np.ndarray, ways: Sequence[str], checkpoints: Sequence[int], steps: int, about: dict[str, Any]
) -> xr.Dataset:
    """``seconds``: (round, way, checkpoints). ``steps``: of an epoch."""
    without = seconds[:, :, list(checkpoints).index(0)][:, :, None]
    medians = np.median(seconds, axis=0)
    arm = ("way", "checkpoints")
    return xr.Dataset(
        {
            "round_seconds": (("round", *arm), seconds, {"long_name": "time of a step", "units": "s"}),
            "seconds": (arm, medians, {"long_name": "time of a step", "units": "s"}),
            "epoch_seconds": (arm, steps * medians, {"long_name": "time of an epoch", "units": "s"}),
            "relative": (
                arm,
                np.median(seconds / without, axis=0),
                {"long_name": "time of a step, relative to that without checkpoints", "units": "1"},
            ),
        },
        {
            "round": ("round", np.arange(len(seconds)), {"long_name": "number of the round", "units": "1"}),
            "way": ("way", list(ways), {"long_name": "way to the gradient"}),
            "checkpoints": ("checkpoints", list(checkpoints), {"long_name": "checkpoints", "units": "1"}),
        },
        about,
    )


def _check(
    force: DistanceForce,
    batch_size: int,
    ways: Sequence[str],
    checkpoints: Sequence[int],
    steps: int,
    rounds: int,
) -> None:
    for name, value in {"batch_size": batch_size, "steps": steps, "rounds": rounds}.items():
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")
    for way in ways:
        chosen("way", way, WAYS)
    if 0 not in checkpoints or min(checkpoints) < 0 or len(set(checkpoints)) < len(checkpoints):
        raise ValueError(f"checkpoints must be different numbers, 0 among them, got {list(checkpoints)}")
    if not ways or len(set(ways)) < len(ways):
        raise ValueError(f"ways must be different ones of {', '.join(WAYS)}, got {list(ways)}")
    if force.distance.per_layer:
        raise ValueError("the force must be of the whole network, not per layer")


_Clock = Callable[[], float]

_CLOCKS: Mapping[str, _Clock] = {"wall": time.perf_counter, "processor": time.process_time}
"""Time that passes, and that which the processor spends on this process, all its threads together."""


def whose_turn(number: int, things: int) -> int:
    """Which of so many ``things`` is done as the ``number``-th, where each is done once in a round.

    Each round begins with another one, so that over as many rounds as there are things each has had each place.

    >>> [whose_turn(number, 3) for number in range(9)]
    [0, 1, 2, 1, 2, 0, 2, 0, 1]
    """
    round_, place = divmod(number, things)
    return (place + round_) % things


def seconds_of(
    thing: Callable[[], None], *, times: int, device: torch.device, clock: _Clock = time.perf_counter
) -> float:
    """Seconds that ``thing`` takes, in the mean over ``times`` times in a row, after once unmeasured.

    A GPU is waited for before and after the times in a row, not between them, as in training.

    >>> 0.005 < seconds_of(lambda: time.sleep(0.005), times=3, device=torch.device("cpu"))
    True
    """
    thing()
    _wait(device)
    began = clock()
    for _ in range(times):
        thing()
    _wait(device)
    return (clock() - began) / times


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


_Backward = Callable[[Tensor], None]
"""From the loss of a batch to gradients of the parameters, the penalty's included."""


def closed_form(
    force: DistanceForce, layout: Layout, parameters: Sequence[nn.Parameter], centres: Sequence[Centre]
) -> _Backward:
    """The loss backwards, and then ``force`` added, for all tensors at once."""

    def backward(loss: Tensor) -> None:
        loss.backward()
        if centres:
            pushed = force(layout, parameters, centres)
            gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
            torch._foreach_add_(gradients, pushed.gradient)

    return backward


def autograd(
    force: DistanceForce, layout: Layout, parameters: Sequence[nn.Parameter], centres: Sequence[Centre]
) -> _Backward:
    """The loss with the penalty that the force comes from, backwards: a loop over tensors, as the formula reads.

    ``force``: of the whole network and along the line from the centre; any other is no gradient of this penalty.
    """
    points = [unflatten(centre.point, parameters) for centre in centres]

    def backward(loss: Tensor) -> None:
        penalty = torch.zeros_like(loss)
        for centre, point in zip(centres, points, strict=True):
            distance = torch.zeros_like(loss)
            for parameter, held in zip(parameters, point, strict=True):
                distance = distance + (parameter - held).square().sum()
            penalty = penalty + force.kernel.value(centre.rate[0] * distance)
        shares = len(centres) if force.divided and centres else 1
        (loss + force.push.sign * force.strength / shares * penalty).backward()

    return backward


_Way = Callable[[DistanceForce, Layout, Sequence[nn.Parameter], Sequence[Centre]], _Backward]

WAYS: Mapping[str, _Way] = {"closed_form": closed_form, "autograd": autograd}
