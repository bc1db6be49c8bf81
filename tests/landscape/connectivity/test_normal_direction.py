import pytest
import torch
from torch import Tensor

from lossatlas.landscape import Bezier, ControlledCurve, PolygonalChain, random_direction
from lossatlas.landscape.connectivity.tunnel import normal_direction
from lossatlas.weight_space import Weights, inner, norm


@pytest.fixture
def curve(rng: torch.Generator) -> ControlledCurve:
    def point() -> Weights:
        return {"weight": torch.randn(4, 3, generator=rng), "bias": torch.randn(4, generator=rng)}

    return ControlledCurve(Bezier(bends=2), [point() for _ in range(4)])


def at(curve: ControlledCurve, t: float, dtype: torch.dtype = torch.float32) -> Weights:
    out: Weights = {name: torch.empty_like(tensor) for name, tensor in curve.control_points[0].items()}
    curve.place(out, t)
    return {name: tensor.to(dtype) for name, tensor in out.items()}


@pytest.mark.parametrize("normalize", ["none", "filter", "layer"])
@pytest.mark.parametrize("ignore", ["none", "biasbn"])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_a_direction_has_length_1_and_is_orthogonal_to_what_the_curve_moves_by(
    curve: ControlledCurve, t: float, normalize: str, ignore: str
) -> None:
    """The tangent by a difference quotient, one-sided at the ends."""
    low, high = max(t - 5e-3, 0.0), min(t + 5e-3, 1.0)
    before, after = at(curve, low, torch.float64), at(curve, high, torch.float64)
    chord: dict[str, Tensor] = {name: after[name] - before[name] for name in before}
    direction = normal_direction(curve, t, at(curve, t), seed=1, normalize=normalize, ignore=ignore)
    assert norm(direction) == pytest.approx(1.0, rel=1e-6)
    assert abs(inner(direction, chord)) < 2e-2 * norm(chord)
    assert (norm({"bias": direction["bias"]}) == 0) == (ignore == "biasbn")


def test_it_is_a_random_direction_less_its_part_along_the_tangent(curve: ControlledCurve) -> None:
    """Both lie in one plane with the tangent: least squares leaves no residual."""
    centre = at(curve, 0.3)
    direction = normal_direction(curve, 0.3, centre, seed=1, index=4, ignore="none")
    drawn = random_direction(centre, seed=1, index=4, normalize="none", ignore="none")
    chord = {name: at(curve, 0.301)[name] - at(curve, 0.299)[name] for name in centre}
    columns = torch.stack(
        [torch.cat([tensor.reshape(-1).double() for tensor in w.values()]) for w in (direction, chord)]
    )
    target = torch.cat([tensor.reshape(-1).double() for tensor in drawn.values()])
    solution = torch.linalg.lstsq(columns.T, target[:, None]).solution
    assert (columns.T @ solution - target[:, None]).norm() < 1e-3 * target.norm()
    assert solution[0] > 0


def test_indices_and_seeds_give_different_directions(curve: ControlledCurve) -> None:
    centre = at(curve, 0.3)
    first, again, index, seed = (
        normal_direction(curve, 0.3, centre, seed=seed, index=index)
        for seed, index in ((0, 0), (0, 0), (0, 1), (1, 0))
    )
    assert torch.equal(first["weight"], again["weight"])
    assert abs(inner(first, index)) < 0.9
    assert abs(inner(first, seed)) < 0.9


def test_a_curve_that_stands_still_has_nothing_across_it() -> None:
    point = {"w": torch.ones(2, 2)}
    with pytest.raises(
        ValueError, match=r"^the curve stands still at t = 0\.5, so nothing is orthogonal to it$"
    ):
        normal_direction(ControlledCurve(PolygonalChain(bends=0), [point, point]), 0.5, point, seed=0)


def test_a_single_weight_has_no_other_direction() -> None:
    one, two = {"w": torch.ones(1, 1)}, {"w": torch.zeros(1, 1)}
    with pytest.raises(
        ValueError, match="there is no direction but the curve's own: the network needs another weight"
    ):
        normal_direction(ControlledCurve(PolygonalChain(bends=0), [one, two]), 0.5, one, seed=0)
