import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from lossatlas.optim import L0

N = 20_000
SHIFT = 2 / 3 * math.log(0.1 / 1.1)  # temperature times log(-lower / upper)


def drawn(log_alpha: float) -> torch.Tensor:
    torch.manual_seed(0)
    return L0(1.0).drawn(torch.full((N,), log_alpha, dtype=torch.float64))


@pytest.mark.parametrize("log_alpha", [-2.0, 0.0, 1.5])
def test_gates_are_open_as_often_as_the_penalty_counts_them(log_alpha: float) -> None:
    probability = 1 / (1 + math.exp(-(log_alpha - SHIFT)))
    share = float((drawn(log_alpha) > 0).double().mean())
    assert abs(share - probability) < 4 * math.sqrt(probability * (1 - probability) / N)
    alphas = [torch.full((3,), log_alpha, dtype=torch.float64)]
    assert float(L0(0.5).penalty(alphas, [torch.ones(3)])) == pytest.approx(0.5 * 3 * probability)


@pytest.mark.parametrize("log_alpha", [-1.0, 0.7])
def test_between_the_ends_they_have_the_distribution_of_the_paper(log_alpha: float) -> None:
    """P(z <= q) = sigmoid(temperature logit(s) - log alpha), where s = (q - lower) / (upper - lower)."""
    z = drawn(log_alpha)
    inside = z[(z > 0) & (z < 1)].numpy()

    def below(q: float) -> float:
        s = (q + 0.1) / 1.2
        return 1 / (1 + math.exp(-(2 / 3 * math.log(s / (1 - s)) - log_alpha)))

    low, high = below(0.0), below(1.0)
    assert (
        kstest(inside, lambda values: np.array([(below(v) - low) / (high - low) for v in values])).pvalue
        > 1e-3
    )


def test_the_gate_of_a_unit_counts_for_all_its_weights() -> None:
    weights = {"conv": torch.ones(4, 3, 5, 5), "fc": torch.ones(2, 6), "bias": torch.ones(2)}
    gates = L0(1.0, gates="unit").gates(weights)
    assert {name: tuple(g.shape) for name, g in gates.items()} == {"conv": (4, 1, 1, 1), "fc": (1, 6)}
    each = L0(1.0).gates(weights)
    of_units, of_weights = (
        L0(1.0).penalty(list(g.values()), [weights[name] for name in g]) for g in (gates, each)
    )
    torch.testing.assert_close(of_units, of_weights)


def test_half_of_the_gates_are_below_a_half_or_what_share_is_asked_for() -> None:
    (log_alpha,) = L0(1.0, dropped=0.2).gates({"w": torch.ones(N, 1, dtype=torch.float64)}).values()
    torch.manual_seed(0)
    share = float((L0(1.0).drawn(log_alpha) < 0.5).double().mean())
    assert abs(share - 0.2) < 4 * math.sqrt(0.2 * 0.8 / N)


def test_its_gradient_is_that_of_the_expected_number() -> None:
    l0, alpha = L0(0.3), torch.linspace(-3, 3, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: l0.penalty([a], [torch.ones(7)]), alpha)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"coefficient": -1.0}, "coefficient must be >= 0, got -1.0"),
        ({"gates": "row"}, "gates must be one of weight, unit, got 'row'"),
        ({"dropped": 1.0}, r"dropped is a probability and must be in \(0, 1\), got 1.0"),
        ({"temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"lower": 0.1}, "lower must be below 0 and upper above 1, got 0.1 and 1.1"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        L0(**{"coefficient": 1.0, **settings})
