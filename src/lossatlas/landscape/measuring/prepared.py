"""A prepared problem: network and data laid out for many forward passes, and what the network gives for the inputs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.forward import Forward, fitting_forward, widened
from lossatlas.landscape.measuring.batch_statistics import PassStatistics, even_batches
from lossatlas.landscape.measuring.isolation import (
    evaluation_mode,
    full_precision,
    weights_of_its_own,
    without_wrappers,
)
from lossatlas.landscape.measuring.memory_layout import (
    fitting_batch_size,
    fitting_memory_format,
    keep_freed_memory,
)
from lossatlas.landscape.measuring.metrics import Metric, metrics_of
from lossatlas.landscape.measuring.probing import probed
from lossatlas.landscape.measuring.standard_errors import standard_errors
from lossatlas.landscape.measuring.subsample import subsampled
from lossatlas.landscape.problem import Loss, Problem
from lossatlas.landscape.shapes.combination import Combination
from lossatlas.spectral_norm import NormedWeight, normed_weights
from lossatlas.weight_space import Weights

Batches = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class PreparedProblem:
    """Prepared problem: its network in evaluation mode, on weights of its own, and batches. Made by `prepared`."""

    model: nn.Module
    loss: Loss
    weights: Weights  # parameters and buffers that the network computes with; overwrite them in place
    batches: Mapping[str, Batches]  # by split
    metrics: tuple[Metric, ...]  # the loss first
    forward: Forward
    engine: Engine
    batch_size: int
    memory_format: torch.memory_format
    statistics: PassStatistics | None  # of batch norm at each point, if not the point's own
    normed: Sequence[NormedWeight] = ()  # by spectral norm

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the parameters (of the first, if they differ)."""
        return next(self.model.parameters()).dtype

    def settle(self) -> None:
        """Compute what depends on the present weights and lies in buffers: the singular vectors of spectral norm."""
        for weight in self.normed:
            weight.settle()

    @torch.inference_mode()
    def measure(self, combination: Combination | None = None) -> list[float]:
        """Metrics at the present weights: of the first split one after the other, then of the next.

        They are over the whole split: sums over its batches, added up in float64. ``combination``, if it is
        given, is what the weights are, and saves a first linear layer the most of its work.
        """
        self.settle()
        with _taken(self.statistics):
            self.forward.refresh(combination)
            return [value for batches in self.batches.values() for value in self._measure(batches)]

    def _measure(self, batches: Batches) -> list[float]:
        sums: list[list[Tensor]] = [[] for _ in self.metrics]
        for inputs, targets in batches:
            outputs = self.forward(inputs)
            for metric, kept in zip(self.metrics, sums, strict=True):
                kept.append(metric.sums(outputs, targets))
        totals = [_total(of_metric) for of_metric in sums]
        on_cpu = (
            torch.cat(totals).cpu().split([len(total) for total in totals])
        )  # one transfer from the device
        return [
            value
            for metric, total in zip(self.metrics, on_cpu, strict=True)
            for value in metric.finish(total).tolist()
        ]


@contextmanager
def prepared(
    problem: Problem, *, splits: Sequence[str] | None = None, engine: Engine = EXACT
) -> Iterator[PreparedProblem]:
    """Prepare ``problem``: lay out ``splits`` (None: all) in batches, and its network as ``engine`` says.

    The network and torch's settings are as before when the block ends, however it ends.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    splits : sequence of str, optional
        Parts of the data to measure; None: all.
    engine : Engine, optional
        Precision, batches, statistics of batch norm; by default exact to float32 rounding.

    Yields
    ------
    PreparedProblem
        The network on weights of its own, to be overwritten in place, and batches.

    Raises
    ------
    ValueError
        For an unknown split, for an option of the engine that this problem cannot have, and as `probed` raises it.

    Examples
    --------
    >>> data = {"train": (torch.ones(3, 1), torch.tensor([[0.0], [0.0], [3.0]]))}
    >>> problem = Problem(nn.Linear(1, 1, bias=False), nn.MSELoss(), data)
    >>> with prepared(problem, engine=Engine(batch_size=2)) as ready:  # batches of two and of one
    ...     _ = ready.weights["weight"].fill_(1.0)
    ...     ready.measure()  # (1 + 1 + 4) / 3
    [2.0]
    """
    names = problem.select(splits)
    inputs, _ = problem.data[names[0]]
    _check(problem, engine, inputs.device)
    size = engine.batch_size or fitting_batch_size(inputs, problem.model)
    keep_freed_memory()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))  # a hook of Lightning may run under it
        stack.enter_context(full_precision(on_gpu="tf32" if engine.precision == "tf32" else "ieee"))
        stack.enter_context(evaluation_mode(problem.model))
        stack.enter_context(without_wrappers(problem.model))
        measured = problem.with_data(
            {split: subsampled(problem.data[split], split, engine) for split in names}
        )
        metrics = metrics_of(measured, probed(measured, names), names, engine)
        layout = fitting_memory_format(problem.model, inputs, engine)
        weights = stack.enter_context(weights_of_its_own(problem.model, layout))
        batches = {split: _batches(*measured.data[split], size, layout) for split in names}
        forward = fitting_forward(problem.model, weights, batches[names[0]][0][0], engine)
        statistics = _STATISTICS[engine.evaluation](problem, size, layout)
        normed = normed_weights(problem.model)
        for weight in normed:
            weight.settle()
        if engine.subsample is not None:
            with torch.inference_mode(), _taken(statistics):
                metrics += standard_errors(problem, forward, batches)
        yield PreparedProblem(
            problem.model,
            problem.loss,
            weights,
            batches,
            metrics,
            forward,
            engine,
            size,
            layout,
            statistics,
            normed,
        )


def _total(of_batches: list[Tensor]) -> Tensor:
    return of_batches[0] if len(of_batches) == 1 else torch.stack(of_batches).sum(0)


def _taken(statistics: PassStatistics | None) -> AbstractContextManager[None]:
    return nullcontext() if statistics is None else statistics.taken()


def _check(problem: Problem, engine: Engine, device: torch.device) -> None:
    if engine.precision == "tf32" and device.type != "cuda":
        raise ValueError(f"precision 'tf32' needs a CUDA device, the network is on {device.type}")
    if engine.evaluation == "recompute" and "train" not in problem.data:
        has = ", ".join(problem.data)
        raise ValueError(f"evaluation 'recompute' takes a pass over a split 'train', the data has {has}")


def _of_pass(problem: Problem, size: int, layout: torch.memory_format) -> PassStatistics:
    """Statistics of the whole split "train", also where only a part of it is measured."""
    inputs = _laid_out(problem.data["train"][0].detach(), layout)
    return PassStatistics(problem.model, even_batches(inputs, size))


_STATISTICS: Mapping[str, Callable[[Problem, int, torch.memory_format], PassStatistics | None]] = {
    "eval": lambda problem, size, layout: None,
    "recompute": _of_pass,
}


def _batches(inputs: Tensor, targets: Tensor, size: int, layout: torch.memory_format) -> Batches:
    inputs = _laid_out(inputs.detach(), layout)
    return list(zip(inputs.split(size), widened(targets.detach()).split(size), strict=True))


def _laid_out(inputs: Tensor, layout: torch.memory_format) -> Tensor:
    return inputs.contiguous(memory_format=layout) if layout is torch.channels_last else inputs


def outputs(problem: Problem) -> Tensor:
    """The network's outputs for all inputs of all splits, one after the other, in one vector in float64.

    >>> network = torch.nn.Linear(1, 1, bias=False)
    >>> _ = network.weight.data.fill_(2.0)
    >>> data = {"train": (torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1))}
    >>> outputs(Problem(network, torch.nn.MSELoss(), data))
    tensor([2., 6.], dtype=torch.float64)
    """
    with prepared(problem) as ready, torch.inference_mode():
        ready.forward.refresh(None)
        batches = [batch for of_split in ready.batches.values() for batch in of_split]
        return torch.cat([ready.forward(inputs).reshape(-1).double() for inputs, _ in batches])
