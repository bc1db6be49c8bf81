"""How a study's optimizer is stepped: what it does not go with, and the weights that are evaluated under it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lossatlas.landscape.measuring.batch_statistics import PassStatistics, even_batches
from lossatlas.optim.stepping import evaluation_weights, has_modes, needs_closure, takes_matrices
from lossatlas.spectral_norm import normed_weights

ACCUMULATION, CLOSURES, MODES, MATRICES = "accumulation", "closures", "modes", "matrices"
"""Ways of stepping beside one gradient of one batch a step, which a study may have a reason not to be trained by."""


def check_accumulation(study: str, batches: int, refused: Mapping[str, str]) -> None:
    """Raise ValueError unless ``batches`` can be accumulated for each step of a ``study``, which has ``refused``."""
    if type(batches) is not int or batches < 1:
        raise ValueError(f"accumulate_grad_batches must be a whole number >= 1, got {batches!r}")
    if batches > 1 and ACCUMULATION in refused:
        raise ValueError(f"{study} takes no accumulate_grad_batches={batches}: {refused[ACCUMULATION]}")


def check_optimizer(study: str, optimizer: Optimizer, batches: int, refused: Mapping[str, str]) -> None:
    """Raise ValueError if it wants to be stepped in a way that ``study``, or accumulating ``batches``, rules out."""
    name, by_closures = type(optimizer).__name__, needs_closure(optimizer)
    if by_closures and batches > 1:
        raise ValueError(
            f"{name} evaluates the loss several times a step, so that no gradients can be accumulated for it: "
            "leave out accumulate_grad_batches and take a larger batch"
        )
    ways = {CLOSURES: by_closures, MODES: has_modes(optimizer), MATRICES: takes_matrices(optimizer)}
    for way, wanted in ways.items():
        if wanted and way in refused:
            raise ValueError(f"{study} is not trained by {name}: {refused[way]}")


@contextmanager
def evaluated(network: nn.Module, optimizer: Optimizer, inputs: Tensor, batch_size: int) -> Iterator[None]:
    """Have the weights of ``network`` that are to be evaluated inside the block, and after it those that are trained.

    For an optimizer with modes. Inside the block batch norms have the statistics of a pass over ``inputs``, (N, ...);
    afterwards all is as before, to the bit.
    """
    training = network.training
    with evaluation_weights(optimizer):
        statistics = PassStatistics(network.eval(), even_batches(inputs, batch_size))
        with torch.no_grad(), statistics.taken():
            network.train(training)
            yield
            network.eval()
    network.train(training)


@torch.no_grad()
def reestimate_statistics(network: nn.Module, inputs: Tensor, batch_size: int) -> None:
    """Set the statistics of the network's batch norms to those of a pass over ``inputs``, (N, ...).

    The singular vectors of spectral norm become those of its weights.
    """
    network.eval()
    for weight in normed_weights(network):
        weight.settle()
    statistics = PassStatistics(network, even_batches(inputs, batch_size))
    with statistics.taken():
        state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(state)
