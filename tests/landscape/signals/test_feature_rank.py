from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from lossatlas.landscape import Engine, Problem, feature_rank

ZEROS = torch.zeros(40, 2, dtype=torch.float64)


def of(model: nn.Module, features: Tensor) -> Problem:
    return Problem(model.double(), nn.MSELoss(), {"train": (features.double(), ZEROS[: len(features)])})


def head(features: int) -> nn.Module:
    return nn.Sequential(nn.Identity(), nn.Linear(features, 2))


def with_values(values: list[float], rows: int = 40) -> Tensor:
    """Matrix with these singular values."""
    rng = torch.Generator().manual_seed(0)
    left, right = (
        torch.linalg.qr(torch.randn(n, len(values), generator=rng).double()).Q for n in (rows, len(values))
    )
    return left @ torch.tensor(values, dtype=torch.float64).diag() @ right.T


@pytest.mark.parametrize("batch_size", [40, 7, 1])
def test_the_ranks_are_those_of_the_singular_values_however_batched(batch_size: int) -> None:
    values = [4.0, 2.0, 1.0, 1.0, 0.0]
    dataset = feature_rank(of(head(5), with_values(values)), engine=Engine(batch_size=batch_size))
    np.testing.assert_allclose(dataset.singular_value[0], values, atol=1e-12)
    assert dataset.effective_rank.item() == pytest.approx(2**1.75)  # entropy of 1/2, 1/4, 1/8, 1/8 in bits
    assert dataset.stable_rank.item() == pytest.approx((16 + 4 + 1 + 1) / 16)
    assert dataset.attrs["layer"] == "inputs of 1"


def test_small_singular_values_are_not_lost_as_by_a_matrix_of_squares() -> None:
    dataset = feature_rank(of(head(3), with_values([1.0, 1e-6, 1e-11])), engine=Engine(batch_size=9))
    np.testing.assert_allclose(dataset.singular_value[0], [1.0, 1e-6, 1e-11], rtol=1e-3)


def test_a_rank_is_one_for_a_constant_and_nothing_once_it_is_centred() -> None:
    constant = torch.ones(40, 3) * torch.tensor([1.0, 2.0, 3.0])
    dataset = feature_rank(of(head(3), constant))
    assert dataset.effective_rank.item() == pytest.approx(1, abs=1e-9)
    assert np.isnan(feature_rank(of(head(3), 0 * constant)).effective_rank)
    features = with_values([3.0, 2.0, 1.0]) + torch.tensor([50.0, 0.0, 0.0])
    found = feature_rank(of(head(3), features), centred=True, engine=Engine(batch_size=7))
    expected = torch.linalg.svdvals(features - features.mean(0))
    np.testing.assert_allclose(found.singular_value[0], expected, rtol=1e-9)


def test_fewer_examples_than_features_leave_the_rest_unknown() -> None:
    features = with_values([5.0, 3.0, 3.0, 2.0])[:3]
    dataset = feature_rank(of(head(4), features))
    np.testing.assert_allclose(dataset.singular_value[0, :3], torch.linalg.svdvals(features), rtol=1e-9)
    assert np.isnan(dataset.singular_value[0, 3])
    assert 1 < dataset.effective_rank.item() <= 3


def test_each_position_of_a_feature_map_has_a_row(problem: Problem) -> None:
    whole = feature_rank(problem)
    assert whole.attrs["layer"] == "inputs of 9"
    assert whole.sizes == {"split": 2, "rank": 6 * 16}
    maps = feature_rank(problem, layer="6", splits=["test"])
    assert maps.sizes == {"split": 1, "rank": 6}
    problem.model.eval()
    inputs, _ = problem.data["test"]
    with torch.no_grad():
        outputs = problem.model[:7](inputs).double()  # type: ignore[index]
        expected = torch.linalg.svdvals(outputs.movedim(1, -1).reshape(-1, 6))
    np.testing.assert_allclose(maps.singular_value[0], expected, rtol=1e-5)
    sequence = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    x = torch.randn(10, 4, 3)
    tokens = Problem(sequence, nn.MSELoss(), {"train": (x, torch.zeros(10, 4, 2))})
    assert feature_rank(tokens).sizes["rank"] == feature_rank(tokens, layer="0").sizes["rank"] == 5


def test_the_last_layer_may_be_parametrised_and_its_inputs_be_changed_in_place() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(3, 6), nn.ReLU(inplace=True), parametrizations.weight_norm(nn.Linear(6, 2)), nn.Flatten()
    )
    x = with_values([3.0, 2.0, 1.0])
    dataset = feature_rank(of(model, x))
    assert dataset.attrs["layer"] == "inputs of 2"
    expected = torch.linalg.svdvals(model[0](x).relu())
    np.testing.assert_allclose(dataset.singular_value[0], expected.detach(), atol=1e-12)
    before = feature_rank(of(model, x), layer="0").singular_value[0]
    np.testing.assert_allclose(before, torch.linalg.svdvals(model[0](x)).detach(), atol=1e-12)


def test_batch_statistics_may_be_recomputed(problem: Problem) -> None:
    own = feature_rank(problem)
    anew = feature_rank(problem, engine=Engine(evaluation="recompute"))
    assert not np.isclose(own.effective_rank, anew.effective_rank, rtol=1e-3).any()


def test_an_interrupted_survey_goes_on_and_what_is_not_finite_is_told(
    problem: Problem, tmp_path: Path
) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 2
        if done == 1:
            raise KeyboardInterrupt

    whole = feature_rank(problem)
    with pytest.raises(KeyboardInterrupt):
        feature_rank(problem, journal=tmp_path / "rank", progress=stop)
    assert feature_rank(problem, journal=tmp_path / "rank").identical(whole)
    features = with_values([3.0, 2.0, 1.0])
    features[3, 1] = torch.inf
    assert np.isnan(feature_rank(of(head(3), features)).effective_rank)


def test_bad_input_is_refused(problem: Problem) -> None:
    with pytest.raises(ValueError, match="layers: 'fc' fits no layer of the network"):
        feature_rank(problem, layer="fc")
    with pytest.raises(ValueError, match="unknown split 'valid'"):
        feature_rank(problem, splits=["valid"])


class Twice(nn.Module):
    """A layer and an activation that are called twice."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.act = nn.Linear(2, 4), nn.Linear(4, 2), nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.act(self.a(self.b(self.act(self.a(x))))))


@pytest.mark.parametrize(("layer", "calls"), [("act", 1), ("act#2", 2), (None, 2)])
def test_of_a_layer_that_is_called_twice_the_call_that_is_named_counts(layer: str | None, calls: int) -> None:
    problem = of(Twice(), torch.randn(40, 2))
    model: Any = problem.model
    x = problem.data["train"][0]
    once = model.act(model.a(x))
    features = once if calls == 1 else model.act(model.a(model.b(once)))
    found = feature_rank(problem, layer=layer)
    np.testing.assert_allclose(found.singular_value[0], torch.linalg.svdvals(features.detach()), rtol=1e-9)
    assert found.attrs["layer"] == (layer or "inputs of b#2")


def test_a_bare_layer_is_its_own_last() -> None:
    features = with_values([3.0, 1.0])
    found = feature_rank(of(nn.Linear(2, 2), features))
    np.testing.assert_allclose(found.singular_value[0], [3.0, 1.0])


def test_of_sequences_each_position_has_a_row_at_any_layer() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2))
    data = {"train": (torch.randn(30, 5, 4), torch.zeros(30, 5, 2))}
    found = feature_rank(Problem(model, nn.MSELoss(), data), layer="1")
    assert found.sizes["rank"] == 8
