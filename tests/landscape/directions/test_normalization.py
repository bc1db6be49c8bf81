import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import normalize_direction, parameters, random_direction
from lossatlas.weight_space import flatten

Norm = Callable[[nn.Module], nn.Module]


def _drawn(network: nn.Module) -> dict[str, torch.Tensor]:
    """A direction that is as long as it was drawn, in every tensor."""
    return random_direction(parameters(network), seed=3, normalize="none", ignore="none")


def test_filter_rule_is_the_formula_of_li_et_al(network: nn.Module) -> None:
    """d_i <- d_i |w_i| / (|d_i| + 1e-10) for each slice i along the first axis, transcribed with numpy."""
    weights, drawn = parameters(network), _drawn(network)
    normalized = normalize_direction(drawn, weights, "filter")
    for name in ("0.weight", "4.weight", "9.weight"):
        w, d = weights[name].numpy(), drawn[name].numpy()
        expected = np.stack(
            [
                d[i] * (np.sqrt((w[i] ** 2).sum()) / (np.sqrt((d[i] ** 2).sum()) + 1e-10))
                for i in range(len(w))
            ]
        )
        np.testing.assert_allclose(normalized[name].numpy(), expected, rtol=2e-6)


def test_layer_rule_scales_each_tensor_to_the_norm_of_its_weights(network: nn.Module) -> None:
    weights, drawn = parameters(network), _drawn(network)
    normalized = normalize_direction(drawn, weights, "layer")["4.weight"]
    expected = drawn["4.weight"] * np.linalg.norm(weights["4.weight"]) / np.linalg.norm(drawn["4.weight"])
    torch.testing.assert_close(normalized, expected)


def test_weight_rule_multiplies_entry_by_entry(network: nn.Module) -> None:
    weights, drawn = parameters(network), _drawn(network)
    normalized = normalize_direction(drawn, weights, "weight", "none")
    for name in ("4.weight", "1.bias"):
        torch.testing.assert_close(normalized[name], drawn[name] * weights[name])


@pytest.mark.parametrize("normalize", ["filter", "layer", "weight", "none"])
def test_biases_and_normalization_layers_do_not_move_by_default(network: nn.Module, normalize: str) -> None:
    direction = random_direction(parameters(network), seed=0, normalize=normalize)
    still = {name for name, tensor in direction.items() if not tensor.any()}
    assert still == {"0.bias", "1.weight", "1.bias", "5.weight", "5.bias", "9.bias"}


@pytest.mark.parametrize("normalize", ["filter", "layer"])
def test_vectors_that_are_not_ignored_get_the_norm_of_their_weights(
    network: nn.Module, normalize: str
) -> None:
    weights = parameters(network)
    direction = random_direction(weights, seed=0, normalize=normalize, ignore="none")
    for name in ("0.bias", "1.weight", "9.bias"):
        torch.testing.assert_close(direction[name].norm(), weights[name].norm())


def test_what_is_ignored_does_not_change_the_rest(network: nn.Module) -> None:
    weights = parameters(network)
    ignoring = random_direction(weights, seed=0)
    moving = random_direction(weights, seed=0, ignore="none")
    assert torch.equal(ignoring["9.weight"], moving["9.weight"])


def test_entries_are_standard_normal() -> None:
    """Not uniform on [0, 1], as in a rival library, where two directions have a cosine of 0.75."""
    weights = {"w": torch.ones(300, 300)}
    first, second = (
        random_direction(weights, seed=0, index=index, normalize="none")["w"].double() for index in (0, 1)
    )
    n = first.numel()
    assert abs(first.mean()) < 4 / np.sqrt(n)
    assert abs(first.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((first**4).mean() - 3) < 4 * np.sqrt(96 / n)
    assert abs(torch.cosine_similarity(first.flatten(), second.flatten(), dim=0)) < 4 / np.sqrt(n)


def test_a_direction_is_a_function_of_seed_and_index(network: nn.Module) -> None:
    weights = parameters(network)

    def drawn(seed: int, index: int) -> torch.Tensor:
        return flatten(random_direction(weights, seed=seed, index=index))

    assert torch.equal(drawn(0, 1), drawn(0, 1))
    assert not torch.equal(drawn(0, 1), drawn(0, 2))
    assert not torch.equal(drawn(0, 1), drawn(1, 1))
    assert not torch.equal(drawn(0, 1), drawn(1, 0))


def test_the_global_random_state_is_neither_read_nor_changed(network: nn.Module) -> None:
    torch.manual_seed(0)
    first = random_direction(parameters(network), seed=5)
    state = torch.get_rng_state()
    torch.manual_seed(1)
    second = random_direction(parameters(network), seed=5)
    assert torch.equal(flatten(first), flatten(second))
    torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), state)


def test_float32_and_float64_networks_get_the_same_direction(network: nn.Module) -> None:
    single = random_direction(parameters(network), seed=0)
    double = random_direction(parameters(network.double()), seed=0)
    assert single["0.weight"].dtype == torch.float32
    assert double["0.weight"].dtype == torch.float64
    torch.testing.assert_close(flatten(single).double(), flatten(double), rtol=1e-6, atol=0)


def test_a_filter_of_zeros_stays_where_it_is() -> None:
    direction = random_direction({"w": torch.tensor([[0.0, 0.0], [3.0, 4.0]])}, seed=0)
    assert direction["w"][0].tolist() == [0.0, 0.0]
    assert direction["w"][1].norm().item() == pytest.approx(5.0)


def test_a_filter_drawn_as_zero_gives_zero_and_not_nan() -> None:
    drawn = {"w": torch.tensor([[0.0, 0.0], [1.0, 0.0]])}
    normalized = normalize_direction(drawn, {"w": torch.ones(2, 2)})
    assert normalized["w"][0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("weights", [{"w": torch.zeros(2, 2)}, {"bias": torch.ones(3)}])
def test_a_direction_of_zeros_is_refused(weights: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="the direction is zero with normalize='filter' and ignore='biasbn'"):
        random_direction(weights, seed=0)


def test_unknown_choices_are_named_with_the_known_ones(network: nn.Module) -> None:
    with pytest.raises(ValueError, match="unknown normalize 'filters', expected one of filter, layer"):
        random_direction(parameters(network), seed=0, normalize="filters")
    with pytest.raises(ValueError, match="unknown ignore 'bn', expected one of biasbn, none"):
        random_direction(parameters(network), seed=0, ignore="bn")


def test_a_direction_of_another_network_is_refused(network: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"the direction has no '0\.weight', which the network has"):
        normalize_direction({}, parameters(network))


@pytest.mark.parametrize("norm", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm])
@pytest.mark.parametrize("layer", [nn.Linear(4, 3), nn.Conv2d(2, 3, 3)])
def test_the_lengths_that_weight_norm_keeps_are_no_filters(norm: Norm, layer: nn.Module) -> None:
    """Of one entry each, a filter's direction is its sign, and every filter doubles or vanishes at 1."""
    weights = parameters(norm(copy.deepcopy(layer)))
    (lengths,) = (name for name, tensor in weights.items() if tensor.ndim > 1 and tensor.numel() == 3)
    (filters,) = (name for name, tensor in weights.items() if tensor.numel() > 3)
    still = random_direction(weights, seed=0)
    assert not still[lengths].any()
    torch.testing.assert_close(still[filters].flatten(1).norm(dim=1), weights[filters].flatten(1).norm(dim=1))
    moving = random_direction(weights, seed=0, ignore="none")[lengths]
    drawn = random_direction(weights, seed=0, normalize="none", ignore="none")[lengths]
    torch.testing.assert_close(moving, drawn * weights[lengths].norm() / drawn.norm())
    theirs = random_direction(weights, seed=0, convention="li2018")[lengths]
    torch.testing.assert_close(theirs.abs(), weights[lengths])


def test_a_layer_of_one_input_has_filters_of_one_entry() -> None:
    weights = parameters(nn.Linear(1, 3))
    torch.testing.assert_close(random_direction(weights, seed=0)["weight"].abs(), weights["weight"].abs())
