"""Re-estimation of batch-norm statistics by a pass over the training data, at whatever weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from types import MethodType

from torch import Tensor, nn

from lossatlas.layers import BATCH_NORM, KEEPS_STATISTICS
from lossatlas.weight_space import running_statistics


class PassStatistics:
    """Re-estimated batch-norm statistics: those of a pass of ``model`` over ``batches``, and only those.

    Each batch is normalised by itself, and its mean and unbiased variance are averaged with the weight of its
    length, as Garipov et al. 2018 (arXiv:1802.10026, section 3.2) do along their curves. The split is cut into
    ``batches`` whose lengths differ by one at most, so that there is no short one. With one batch the
    statistics are exactly the split's, and torch.optim.swa_utils.update_bn gives the same. Instance norm that keeps
    statistics normalises each example by itself, and those are averaged; so are the means and covariances
    by which deconvolution whitens inputs. Synchronised batch norm is as any other, so that each process can be at a
    point of its own.

    ValueError if a module of another kind keeps running statistics, which would stay as they are.

    >>> import torch
    >>> norm = nn.BatchNorm1d(1, affine=False).eval()
    >>> statistics = PassStatistics(norm, [torch.tensor([[1.0], [3.0]])])
    >>> with torch.inference_mode(), statistics.taken():
    ...     norm(torch.tensor([[2.0], [4.0]])).flatten()  # mean 2, variance 2
    tensor([0.0000, 1.4142])
    >>> norm.running_mean
    tensor([0.])
    """

    def __init__(self, model: nn.Module, batches: Sequence[Tensor]) -> None:
        self._model = model
        self.batches = batches
        self._norms = [
            module
            for module in model.modules()
            if isinstance(module, KEEPS_STATISTICS) and module.running_mean is not None
        ]
        _check_known(model)
        self._buffers = [buffer for norm in self._norms for buffer in norm.buffers(recurse=False)]

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the network compute with the statistics of a pass at its present weights, inside the block."""
        before = [buffer.clone() for buffer in self._buffers]
        try:
            if self._norms:
                self._pass()
            yield
        finally:
            for buffer, value in zip(self._buffers, before, strict=True):
                buffer.copy_(value)

    def _pass(self) -> None:
        momenta = [norm.momentum for norm in self._norms]
        done = 0
        try:
            with normalising_batches(self._norms):
                for inputs in self.batches:
                    done += len(inputs)
                    for norm in self._norms:
                        norm.momentum = len(inputs) / done  # the first batch replaces what was there
                    self._model(inputs)
        finally:
            for norm, momentum in zip(self._norms, momenta, strict=True):
                norm.momentum = momentum


@contextmanager
def normalising_batches(norms: Sequence[nn.Module]) -> Iterator[None]:
    """Have ``norms`` normalise each batch by itself in the block, as in training; after it they are in evaluation mode.

    Synchronised batch norm is as any other, so that no process waits for one that is at another point.

    >>> import torch
    >>> norm = nn.BatchNorm1d(1, affine=False).eval()
    >>> with normalising_batches([norm]):
    ...     norm(torch.tensor([[1.0], [3.0]])).flatten()
    tensor([-1.0000,  1.0000])
    """
    try:
        for norm in norms:
            norm.train()
            if type(norm).forward is nn.SyncBatchNorm.forward:
                norm.forward = MethodType(BATCH_NORM.forward, norm)
        yield
    finally:
        for norm in norms:
            norm.eval()
            vars(norm).pop("forward", None)


def _check_known(model: nn.Module) -> None:
    for name in running_statistics(model):
        module = model.get_submodule(name.rpartition(".")[0])
        kind = type(module).__name__
        if not isinstance(module, KEEPS_STATISTICS) and not kind.startswith("Frozen"):
            raise ValueError(
                f"no pass over the data re-estimates {name!r}: {kind} is neither batch nor instance norm of torch"
            )


def even_batches(inputs: Tensor, size: int) -> Sequence[Tensor]:
    """Cut ``inputs`` into batches of at most ``size`` whose lengths differ by one at most.

    >>> import torch
    >>> [len(batch) for batch in even_batches(torch.zeros(10), 4)]
    [4, 3, 3]
    """
    return inputs.tensor_split(ceil(len(inputs) / size))
