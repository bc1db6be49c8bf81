"""Spectral norm of torch, in both its forms: its singular vectors computed for the weights that there are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import ParametrizationList
from torch.nn.utils.spectral_norm import SpectralNorm


@dataclass(frozen=True, eq=False)
class NormedWeight:
    """A weight that is divided by its largest singular value, which torch takes to be u' W v of two buffers."""

    vectors: tuple[str, str]  # names of u and v in the network
    u: Callable[[], Tensor]
    v: Callable[[], Tensor]
    matrix: Callable[[], Tensor]  # W, (rows, columns)
    owner: object  # that has the method below
    method: str
    exact: Callable[..., Tensor]  # what the method would compute, with the singular value as a function of W

    @torch.no_grad()
    def settle(self) -> None:
        """Overwrite u and v by the singular vectors of W; NaN where it is not finite."""
        matrix = self.matrix().double()
        wide = matrix.shape[0] <= matrix.shape[1]
        gram = matrix @ matrix.T if wide else matrix.T @ matrix
        if not gram.isfinite().all():
            self.u().fill_(torch.nan)
            self.v().fill_(torch.nan)
            return
        first = torch.linalg.eigh(gram).eigenvectors[:, -1]  # of the shorter side
        second = (matrix.T if wide else matrix) @ first
        second = second / torch.linalg.vector_norm(second).clamp(min=torch.finfo(second.dtype).tiny)
        u, v = (first, second) if wide else (second, first)
        self.u().copy_(u)
        self.v().copy_(v)


def normed_weights(model: nn.Module) -> list[NormedWeight]:
    """All weights of ``model`` under spectral norm, by a hook or as a parametrization.

    >>> [each.vectors for each in normed_weights(nn.Sequential(nn.utils.spectral_norm(nn.Linear(2, 3))))]
    [('0.weight_u', '0.weight_v')]
    """
    found = []
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        if isinstance(module, ParametrizationList):
            for number, part in enumerate(module):
                if isinstance(part, _SpectralNorm) and hasattr(
                    part, "_u"
                ):  # a vector is divided by its length
                    found.append(_parametrized(f"{prefix}{number}.", module, number, part))
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm):
                found.append(_hooked(prefix, module, hook))
    return found


def _parametrized(prefix: str, chain: ParametrizationList, number: int, part: _SpectralNorm) -> NormedWeight:
    def matrix() -> Tensor:
        names = ["original"] if chain.is_tensor else [f"original{k}" for k in range(chain.ntensors)]
        values = [getattr(chain, name) for name in names]
        for before in list(chain)[:number]:
            values = [before(*values)]
        return part._reshape_weight_to_matrix(values[0])

    def exact(weight: Tensor) -> Tensor:
        return weight / torch.linalg.matrix_norm(part._reshape_weight_to_matrix(weight), 2)

    vectors = (f"{prefix}_u", f"{prefix}_v")
    return NormedWeight(vectors, lambda: part._u, lambda: part._v, matrix, part, "forward", exact)


def _hooked(prefix: str, module: nn.Module, hook: SpectralNorm) -> NormedWeight:
    name = hook.name

    def matrix() -> Tensor:
        return hook.reshape_weight_to_matrix(getattr(module, f"{name}_orig"))

    def exact(module: nn.Module, do_power_iteration: bool) -> Tensor:
        weight: Tensor = getattr(module, f"{name}_orig")
        return weight / torch.linalg.matrix_norm(hook.reshape_weight_to_matrix(weight), 2)

    return NormedWeight(
        (f"{prefix}{name}_u", f"{prefix}{name}_v"),
        lambda: getattr(module, f"{name}_u"),
        lambda: getattr(module, f"{name}_v"),
        matrix,
        hook,
        "compute_weight",
        exact,
    )


@contextmanager
def exact_spectral_norm(model: nn.Module) -> Iterator[None]:
    """Have the singular values of spectral norm be functions of the weights in the block, for second derivatives.

    The first derivatives are right as torch has them, with singular vectors that stand still.

    >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2, bias=False))
    >>> with exact_spectral_norm(layer):
    ...     torch.linalg.matrix_norm(layer.weight, 2).round(decimals=4)
    tensor(1., grad_fn=<RoundBackward1>)
    """
    normed = normed_weights(model)
    try:
        for weight in normed:
            setattr(weight.owner, weight.method, weight.exact)
        yield
    finally:
        for weight in normed:
            delattr(weight.owner, weight.method)
