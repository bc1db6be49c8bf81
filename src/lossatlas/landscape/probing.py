"""Trying a network and its loss on a few examples, so that what a survey cannot take is found before it begins."""

import torch
from torch import Tensor, nn

from lossatlas.landscape.problem import Loss, Problem

PROBED = 16  # examples


@torch.inference_mode()
def probed(problem: Problem, split: str) -> tuple[Tensor, Tensor]:
    """Outputs and targets of the first examples of ``split``, with the network in evaluation mode.

    ValueError if the network behaves randomly, if an output depends on the other examples of its batch, or if
    the loss is not a mean over the batch.

    >>> data = {"train": (torch.ones(4, 1), torch.ones(4, 1))}
    >>> problem = Problem(nn.Linear(1, 1), nn.MSELoss(reduction="sum"), data)
    >>> probed(problem, "train")
    Traceback (most recent call last):
    ValueError: the loss must be a mean over the batch, got another value for the same examples twice
    """
    inputs, targets = (tensor[:PROBED] for tensor in problem.data[split])
    outputs = problem.model(inputs)
    if not isinstance(outputs, Tensor):
        kind = type(outputs).__name__
        raise ValueError(f"the network must return a tensor, got {kind}; wrap it in a module that does")
    _check_network(problem.model, inputs, outputs)
    _check_loss(problem.loss, outputs, targets)
    return outputs, targets


def _check_network(model: nn.Module, inputs: Tensor, outputs: Tensor) -> None:
    name = type(model).__name__
    if not _close(outputs, model(inputs)):
        raise ValueError(
            f"{name} behaves randomly in evaluation mode: it gave two outputs for the same inputs"
        )
    if len(inputs) > 1 and not _close(outputs[:1], model(inputs[:1])):
        raise ValueError(
            f"{name} mixes the examples of a batch in evaluation mode: alone, one has another output"
        )


def _close(outputs: Tensor, again: Tensor) -> bool:
    scale = float(outputs.abs().nan_to_num(posinf=0.0).max()) if outputs.numel() else 0.0
    return outputs.shape == again.shape and torch.allclose(
        outputs, again, rtol=1e-3, atol=1e-3 * scale, equal_nan=True
    )


def _check_loss(loss: Loss, outputs: Tensor, targets: Tensor) -> None:
    once = loss(outputs, targets)
    if once.ndim:
        raise ValueError(f"the loss must be a mean over the batch, got a tensor of shape {tuple(once.shape)}")
    twice = loss(torch.cat([outputs] * 2), torch.cat([targets] * 2))
    if twice.isfinite() and not torch.isclose(once, twice, rtol=1e-3, atol=0.0):
        raise ValueError(
            "the loss must be a mean over the batch, got another value for the same examples twice"
        )
