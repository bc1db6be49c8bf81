"""Probing a network and its loss on a few examples: what a survey cannot take is found before it begins."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lossatlas.landscape.forward import widened
from lossatlas.landscape.measuring.isolation import weights_of_its_own
from lossatlas.landscape.measuring.losses import one_by_one
from lossatlas.landscape.measuring.targets import class_axis, unlike_pairs
from lossatlas.landscape.problem import Loss, Problem

_PROBED = 16  # examples, and up to two more


def probed(problem: Problem, splits: Sequence[str]) -> Tensor:
    """Outputs for a few examples of the first of ``splits``, `widened`, with the network in evaluation mode.

    It runs on weights of its own, since there are layers that change theirs whenever they are used.

    ValueError if the network cannot take them, does not return a tensor (N, ...), or behaves randomly; if an
    output depends on the other examples of its batch; or if the loss, or another metric, is not a mean over
    the batch in which every example counts the same, whichever of all the targets are in it.

    >>> data = {"train": (torch.ones(4, 1), torch.ones(4, 1))}
    >>> problem = Problem(nn.Linear(1, 1), nn.MSELoss(reduction="sum"), data)
    >>> probed(problem, ["train"])
    Traceback (most recent call last):
    ValueError: the loss must be a mean over the batch, got another value for the same examples twice
    """
    inputs, targets = _examples(*problem.data[splits[0]])
    targets = widened(targets)
    means = {"the loss": problem.loss} | {f"the metric {name!r}": of for name, of in problem.metrics.items()}
    with (
        torch.inference_mode(False),
        weights_of_its_own(problem.model, torch.preserve_format),
        torch.inference_mode(),
    ):
        outputs = widened(_outputs(problem.model, inputs, splits[0]))
        axis = class_axis(outputs, targets)
        for what, function in means.items():
            _check_mean(what, function, outputs, targets, splits[0])
            for split in splits if outputs.is_floating_point() else ():
                of_split = widened(problem.data[split][1].detach())
                if of_split[0].shape == targets[0].shape or (axis and of_split.ndim == targets.ndim):
                    _check_all(what, function, outputs, of_split, axis, split)
    return outputs


def _examples(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The first few, and those with the extreme integer targets, which may be meant to be ignored."""
    chosen = torch.arange(min(_PROBED, len(targets)))
    whole_numbers = not (targets.is_floating_point() or targets.is_complex() or targets.dtype is torch.bool)
    if whole_numbers and targets.numel():
        flat = targets.flatten(1) if targets.ndim > 1 else targets[:, None]  # (N, k)
        extremes = torch.stack([flat.amin(1).argmin(), flat.amax(1).argmax()]).cpu()
        chosen = torch.cat([chosen, extremes]).unique()
    chosen = chosen.to(inputs.device)
    return inputs.detach()[chosen], targets.detach()[chosen]


def _outputs(model: nn.Module, inputs: Tensor, split: str) -> Tensor:
    name = type(model).__name__
    given = f"inputs {_described(inputs)} of split {split!r} under torch.inference_mode"
    outputs = _tried(lambda: model(inputs), f"{name} cannot take {given}")
    if not isinstance(outputs, Tensor):
        kind = type(outputs).__name__
        raise ValueError(f"the network must return a tensor, got {kind}; wrap it in a module that does")
    if outputs.ndim == 0 or len(outputs) != len(inputs):
        shape = tuple(outputs.shape)
        raise ValueError(f"{name} must return an output for each of {len(inputs)} inputs, got shape {shape}")
    precision = _precision(outputs)
    if not _close(outputs, model(inputs), 1e-2 * precision):
        raise ValueError(
            f"{name} behaves randomly in evaluation mode: it gave two outputs for the same inputs"
        )
    alone = _tried(lambda: model(inputs[:1]), f"{name} cannot take a single example")
    if not _close(outputs[:1], alone, precision):
        raise ValueError(
            f"{name} mixes the examples of a batch in evaluation mode: alone, one has another output"
        )
    return outputs


def _check_mean(what: str, function: Loss, outputs: Tensor, targets: Tensor, split: str) -> None:
    given = f"outputs {_described(outputs)} and targets {_described(targets)} of split {split!r}"
    once = _tried(lambda: function(outputs, targets), f"{what} cannot take {given}")
    if not isinstance(once, Tensor):
        raise ValueError(f"{what} must return a tensor, got {type(once).__name__}")
    if once.ndim or once.is_complex():
        raise ValueError(f"{what} must be a mean over the batch, got a tensor {_described(once)}")
    twice = function(torch.cat([outputs] * 2), torch.cat([targets] * 2))
    precision = _precision(once)
    if twice.isfinite() and not _close(once, twice, precision):
        raise ValueError(
            f"{what} must be a mean over the batch, got another value for the same examples twice"
        )
    each = _tried(lambda: one_by_one(function, outputs, targets), f"{what} cannot take a single example")
    if once.isfinite() and not _close(each.double().mean(), once.double(), precision, each.abs().max()):
        mean = float(each.double().mean())
        raise ValueError(
            f"{what} must be a mean in which every example counts the same, got {float(once):.6g} for "
            f"{len(each)} examples whose own values have the mean {mean:.6g}; weights of classes and ignored "
            "targets do that"
        )


def _check_all(
    what: str, function: Loss, outputs: Tensor, targets: Tensor, axis: int | None, split: str
) -> None:
    """The same for all targets of a split: those of two examples of which one may count less."""
    for pair in unlike_pairs(function, outputs, targets, axis):
        together = function(pair.outputs, pair.targets).double()
        each = one_by_one(function, pair.outputs, pair.targets).double()
        known = together.isfinite() and not each.isinf().any()
        if known and not _is_middle(together, each, outputs.dtype):
            first, second = pair.numbers
            raise ValueError(
                f"{what} must be a mean in which every example counts the same, got {float(together):.6g} for examples "
                f"{first} and {second} of split {split!r} together, and {float(each[0]):.6g} and {float(each[1]):.6g} "
                "for each; weights of classes and ignored targets do that"
            )


def _is_middle(together: Tensor, each: Tensor, dtype: torch.dtype) -> bool:
    """Whether the value of two examples is the mean of theirs, to a small share of the distance between them."""
    rounding = 8 * torch.finfo(dtype).eps
    apart, size = float((each[0] - each[1]).abs()), float(each.abs().max())
    return float((together - each.mean()).abs()) <= max(1e-4, rounding) * apart + rounding * size


def _tried(action: Callable[[], Tensor], trouble: str) -> Tensor:
    """Result of ``action``; what goes wrong in foreign code is a ValueError that says in which step."""
    try:
        return action()
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        raise ValueError(f"{trouble}: {error}") from error


def _described(tensor: Tensor) -> str:
    return f"of shape {tuple(tensor.shape)} and dtype {str(tensor.dtype).removeprefix('torch.')}"


def _precision(values: Tensor) -> float:
    """Relative error that rounding can explain, of batches of different sizes."""
    return max(1e-3, 8 * torch.finfo(values.dtype).eps) if values.is_floating_point() else 1e-3


def _close(values: Tensor, again: Tensor, relative: float, scale: Tensor | None = None) -> bool:
    size = values.abs() if scale is None else scale
    finite = size.nan_to_num(posinf=0.0)
    atol = relative * float(finite.max()) if finite.numel() else 0.0
    return values.shape == again.shape and torch.allclose(
        values, again, rtol=relative, atol=atol, equal_nan=True
    )
