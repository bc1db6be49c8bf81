"""Muon for the matrices of a network, AdamW for the rest."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

from lossatlas.optim.adam import Adam
from lossatlas.optim.composed import Composed
from lossatlas.optim.weight_decay import check_choice

Adjust = Literal["match_rms_adamw", "original"]
"""Factors on the rate of `Muon`."""


class Muon(Composed):
    """Muon (Jordan et al. 2024): steps of matrices made orthogonal; all other parameters are stepped by AdamW.

    torch's Muon and AdamW. The momentum of each matrix is replaced by a matrix with about the same singular vectors
    and singular values near one, by a few Newton-Schulz iterations. Parameters of one dimension, such as biases and
    scales, have no such step. Jordan et al. give embeddings and the last layer to AdamW too; here they are matrices as
    all others, for a network does not say which layer is its last.

    Parameters
    ----------
    params : iterable of Tensor
        Parameters.
    lr : float, default 0.001
        Rate of the matrices.
    momentum, nesterov : float and bool, default 0.95 and True
        Of the matrices.
    ns_steps : int, default 5
        Newton-Schulz iterations.
    adjust_lr_fn : {"match_rms_adamw", "original"}, default "match_rms_adamw"
        Factor on the rate by a matrix's shape (rows, columns): 0.2 sqrt(max(rows, columns)), with which steps are of
        the size of AdamW's (Liu et al. 2025, arXiv:2502.16982), or sqrt(max(1, rows / columns)).
    kernels : bool, default True
        Take kernels of convolutions for matrices of a row an output channel, as Jordan et al. do; else they go to
        AdamW, for torch's Muon takes two dimensions alone.
    weight_decay : float, default 0.0
        Decoupled, of matrices and the rest; torch's Muon decays by 0.1 unless told.
    bias_decay : bool, default True
        Whether biases and normalisation decay too.
    rest_lr : float, optional
        Rate of AdamW; by default that of the matrices.
    betas, eps : sequence of float and float, default (0.9, 0.999) and 1e-8
        Of AdamW.

    Raises
    ------
    ValueError
        If there are no matrices, and for numbers out of their range.

    Examples
    --------
    >>> weight = torch.nn.Parameter(torch.eye(2))
    >>> optimizer = Muon([weight], lr=0.1, adjust_lr_fn="original")
    >>> weight.grad = torch.tensor([[0.0, 5.0], [-2.0, 0.0]])  # its nearest orthogonal matrix turns by 90 degrees
    >>> optimizer.step()
    >>> (weight.data - torch.eye(2)).abs().argmax(1)
    tensor([1, 0])
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
        adjust_lr_fn: Adjust = "match_rms_adamw",
        kernels: bool = True,
        weight_decay: float = 0.0,
        bias_decay: bool = True,
        rest_lr: float | None = None,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        check_choice("adjust_lr_fn", adjust_lr_fn, Adjust)
        given = list(params)
        matrices = [tensor for tensor in given if tensor.ndim == 2 or (kernels and tensor.ndim > 2)]
        if not matrices:
            shapes = ", ".join(str(list(tensor.shape)) for tensor in given[:3])
            raise ValueError(
                f"Muon makes the steps of matrices orthogonal, and none of the {len(given)} parameters is one "
                f"(shapes {shapes}{', ...' if len(given) > 3 else ''}): type optimizer=adamw"
            )
        with as_matrices(matrices):
            parts: list[Optimizer] = [
                torch.optim.Muon(
                    matrices,
                    lr=lr,
                    weight_decay=weight_decay,
                    momentum=momentum,
                    nesterov=nesterov,
                    ns_steps=ns_steps,
                    adjust_lr_fn=adjust_lr_fn,
                )
            ]
        rate = lr if rest_lr is None else rest_lr
        self._rest = partial(
            Adam, lr=rate, betas=betas, eps=eps, weight_decay=weight_decay, bias_decay=bias_decay
        )
        mine = {id(tensor) for tensor in matrices}
        if rest := [tensor for tensor in given if id(tensor) not in mine]:
            parts.append(self._rest(rest))
        super().__init__(parts)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to what AdamW steps."""
        if "parts" in vars(self) and isinstance(self.parts[-1], torch.optim.Muon):
            self.parts.append(self._rest([param_group]))
            self.param_groups.extend(self.parts[-1].param_groups)
        else:
            super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step; ``closure`` evaluates the loss and its gradients first, and what it gives is returned."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        self.share()
        for part in self.parts:
            parameters = [parameter for group in part.param_groups for parameter in group["params"]]
            with as_matrices(parameters if isinstance(part, torch.optim.Muon) else []):
                part.step()
        return loss


@contextmanager
def as_matrices(parameters: Iterable[Tensor]) -> Iterator[None]:
    """Have parameters of more than two dimensions, and their gradients, be matrices of a row each output in the block.

    >>> kernel = torch.nn.Parameter(torch.zeros(4, 3, 2, 2))
    >>> with as_matrices([kernel]):
    ...     kernel.shape, kernel.data.add_(1.0).shape
    (torch.Size([4, 12]), torch.Size([4, 12]))
    >>> kernel.shape, kernel.sum().item()
    (torch.Size([4, 3, 2, 2]), 48.0)
    """
    swapped = [(parameter, parameter.data) for parameter in parameters if parameter.ndim > 2]
    gradients = [parameter.grad for parameter, _ in swapped]
    for (parameter, whole), gradient in zip(swapped, gradients, strict=True):
        parameter.grad = None
        parameter.data = whole.flatten(1)
        parameter.grad = None if gradient is None else gradient.flatten(1)
    try:
        yield
    finally:
        for (parameter, whole), gradient in zip(swapped, gradients, strict=True):
            parameter.grad = None
            flat, parameter.data = parameter.data, whole
            parameter.grad = gradient
            if flat.data_ptr() != whole.data_ptr():  # of another order in memory
                whole.copy_(flat.view(whole.shape))
