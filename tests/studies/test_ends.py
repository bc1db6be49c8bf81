"""Which networks a curve may run between."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from lossatlas.models import MLP
from lossatlas.studies import TrainedNetwork
from lossatlas.studies.trained_network import check_ends


def network(width: int = 3, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return MLP([width], input_shape=(1, 2, 2), classes=4, batch_norm=True)


def end(name: str, seed: int, state: Mapping[str, Tensor] | None = None) -> TrainedNetwork:
    return TrainedNetwork(name, state or network(seed=seed).state_dict(), seed, dict, 1)


def test_networks_of_other_seeds_are_taken() -> None:
    check_ends(network(), [end("a", 0), end("b", 1)])
    check_ends(network(), [end("a", 0), end("b", 1), end("c", 2)])


def test_one_end_is_too_few() -> None:
    with pytest.raises(ValueError, match="a curve needs at least two ends, got 1"):
        check_ends(network(), [end("a", 0)])


def test_ends_of_one_seed_are_refused_even_where_they_differ_otherwise() -> None:
    """And not only neighbours."""
    ends = [end("a", 5), end("b", 1), end("c", 5, network(seed=2).state_dict())]
    with pytest.raises(
        ValueError, match=r"^a and c are ends with the same seed=5; expected a seed for each end$"
    ):
        check_ends(network(), ends)


def test_seed_zero_is_a_seed() -> None:
    with pytest.raises(ValueError, match="the same seed=0"):
        check_ends(network(), [end("a", 0), end("b", 0)])


@pytest.mark.parametrize("moved", [0.0, 1e-6])
def test_ends_of_other_seeds_in_one_place_are_refused_with_their_distance(moved: float) -> None:
    """Whatever their batch-norm statistics: those are no place."""
    state = network().state_dict()
    there = {
        k: v + (7 if "running" in k else moved) if v.is_floating_point() else v for k, v in state.items()
    }
    with pytest.raises(
        ValueError, match=r"^a and b are the same end: the distance between them is [0-9.e-]+$"
    ):
        check_ends(network(), [end("a", 0, state), end("b", 1, there)])


def test_an_end_of_another_architecture_is_refused_by_the_first_tensor_that_differs() -> None:
    wider = TrainedNetwork("run b", network(width=5).state_dict(), 1, dict, 1)
    with pytest.raises(
        ValueError, match=r"^run b has '.*weight' of shape \(5, 4\), the network of shape \(3, 4\)$"
    ):
        check_ends(network(), [end("run a", 0), wider])


def test_ends_that_differ_in_what_cannot_be_mixed_are_refused() -> None:
    """The base of an orthogonal parametrization is another for each seed, and a mean of two is none."""

    def orthogonal(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.utils.parametrizations.orthogonal(nn.Linear(4, 3)))

    ends = [end(name, seed, orthogonal(seed).state_dict()) for name, seed in (("a", 0), ("b", 1))]
    with pytest.raises(
        ValueError, match=r"^b has other values in '0.parametrizations.weight.0.base', a buffer of"
    ):
        check_ends(orthogonal(2), ends)
