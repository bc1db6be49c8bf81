"""Curves that control points span: where they lie, how long they are, what they are told apart by."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import Tensor, nn

from lossatlas.landscape import (
    Bezier,
    ControlledCurve,
    CurveFamily,
    Engine,
    PolygonalChain,
    Problem,
    evaluate,
    interpolation,
    state,
)

FAMILIES = [Bezier(0), Bezier(1), Bezier(3), Bezier(None), PolygonalChain(1), PolygonalChain(3)]


def curve(family: CurveFamily, *points: list[float]) -> ControlledCurve:
    return ControlledCurve(family, [{"w": torch.tensor(point, dtype=torch.float64)} for point in points])


def at(curve: ControlledCurve, t: float) -> Tensor:
    out = {"w": torch.full((2,), torch.nan, dtype=torch.float64)}
    curve.place(out, t)
    return out["w"]


RANDOM = np.random.default_rng(0).normal(size=(5, 2)).tolist()


def test_a_point_is_the_combination_of_the_control_points() -> None:
    points = [[0.0, 0.0], [0.0, 2.0], [4.0, 0.0]]
    assert at(curve(Bezier(1), *points), 0.25).tolist() == [4 / 16, 2 * 6 / 16]
    assert at(curve(PolygonalChain(1), *points), 0.75).tolist() == [2.0, 1.0]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_point_is_said_to_combine_is_what_is_placed(family: CurveFamily) -> None:
    spanned = curve(family, *RANDOM)
    for t in np.linspace(0, 1, 23):
        basis, coefficients = spanned.combine(t)
        combined = sum(c * point["w"] for c, point in zip(coefficients, basis, strict=True))
        torch.testing.assert_close(at(spanned, t), combined)


def test_points_on_one_smooth_piece_have_the_very_same_basis() -> None:
    """So that what is computed from it is kept: all of a curve with one piece, and each line of a chain."""
    for family, bases in ((Bezier(3), 1), (Bezier(1), 2), (PolygonalChain(3), 4)):
        spanned = curve(family, *RANDOM)
        assert len({id(spanned.combine(t).basis) for t in np.linspace(0, 1, 33)}) == bases


@pytest.mark.parametrize("family", [Bezier(1), PolygonalChain(1)])
def test_batch_norm_and_all_else_is_that_of_the_ends_to_the_last_bit(
    family: CurveFamily, network: nn.Module, other_network: nn.Module
) -> None:
    ends = [state(network), state(other_network)]
    bend = {name: (ends[0][name] + 3 * ends[1][name]) / 4 for name in ends[0]}
    grid = ControlledCurve(family, [ends[0], bend, ends[1]]).grid(5)
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in ends[0].items()}
    for index, end in ((0, ends[0]), (4, ends[1])):
        grid.weights_at(index, out)
        assert all(torch.equal(out[name], tensor) for name, tensor in end.items())


def test_with_its_bend_on_the_segment_a_curve_has_the_losses_of_the_segment(
    problem: Problem, other_network: nn.Module
) -> None:
    """Batch-norm statistics included: a bend halfway makes both families the line, t its position."""
    ends = [state(problem.model), state(other_network)]
    bend = {name: (ends[0][name] + ends[1][name]) / 2 for name in ends[0]}
    segment = interpolation(problem, other=other_network.state_dict(), points=5, low=0.0, high=1.0)
    for family in (Bezier(1), PolygonalChain(1)):
        dataset = evaluate(problem, ControlledCurve(family, [ends[0], bend, ends[1]]).grid(5))
        expected = segment.loss.transpose("alpha", "split")
        np.testing.assert_allclose(dataset.loss.transpose("t", "split"), expected, rtol=1e-5)


@pytest.mark.parametrize("fuse", [True, False])
def test_the_engine_gives_the_losses_of_the_placed_weights(rng: torch.Generator, fuse: bool) -> None:
    """A first linear layer, whose products are kept and combined."""
    model = nn.Sequential(nn.Linear(40, 6), nn.ReLU(), nn.Linear(6, 3))
    data = {"train": (torch.randn(30, 40, generator=rng), torch.randint(3, (30,), generator=rng))}
    points = [
        {name: torch.randn(tensor.shape, generator=rng) for name, tensor in state(model).items()}
        for _ in range(5)
    ]
    for family in (Bezier(1), Bezier(3), PolygonalChain(1)):
        spanned = ControlledCurve(family, points)
        dataset = evaluate(
            Problem(model, nn.CrossEntropyLoss(), data), spanned.grid(9), engine=Engine(fuse=fuse)
        )
        for t in dataset.t.values:
            out = {name: torch.empty_like(tensor) for name, tensor in points[0].items()}
            spanned.place(out, t)
            logits = torch.func.functional_call(model, out, (data["train"][0],))
            expected = nn.functional.cross_entropy(logits, data["train"][1]).item()
            assert dataset.loss.sel(t=t).item() == pytest.approx(expected, rel=1e-5)


def test_the_length_of_a_chain_is_that_of_its_lines() -> None:
    chain = curve(PolygonalChain(1), [0.0, 0.0], [3.0, 4.0], [3.0, 5.0])
    np.testing.assert_allclose(
        chain.lengths(np.array([0.0, 0.25, 0.5, 0.75, 1.0])), [0, 2.5, 5, 5.5, 6], rtol=1e-13
    )
    assert chain.length() == pytest.approx(6, rel=1e-13)


def parabola(x: float) -> float:
    """Length of y = x**2 from 0 to ``x``, in closed form."""
    return (2 * x * np.sqrt(1 + 4 * x**2) + np.arcsinh(2 * x)) / 4


def test_the_length_of_a_bezier_curve_is_that_of_the_parabola_that_it_is() -> None:
    """(-1, 1), (0, -1), (1, 1) span x = 2 t - 1, y = x**2."""
    spanned = curve(Bezier(1), [-1.0, 1.0], [0.0, -1.0], [1.0, 1.0])
    t = np.array([0.0, 0.1, 0.5, 0.8, 1.0])
    expected = [parabola(2 * each - 1) - parabola(-1) for each in t]
    np.testing.assert_allclose(spanned.lengths(t), expected, rtol=1e-10, atol=1e-12)


def test_a_curve_that_turns_back_on_itself_has_the_length_of_both_ways() -> None:
    """x = 4 t (1 - t) with a cusp, where the speed is zero and its root has no derivative."""
    assert curve(Bezier(1), [0.0, 0.0], [2.0, 0.0], [0.0, 0.0]).length() == pytest.approx(2, rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_lengths_are_the_integral_of_scipys_over_the_norm_of_the_derivative(family: CurveFamily) -> None:
    spanned = curve(family, *RANDOM)

    def speed(t: float) -> float:
        return float(np.linalg.norm(np.array(family.derivative(t, 5)) @ np.array(RANDOM)))

    expected, _ = quad(speed, 0, 0.6, points=[0.25, 0.5], epsabs=1e-12)
    assert spanned.lengths(np.array([0.6]))[0] == pytest.approx(expected, rel=1e-9)


def test_lengths_are_over_the_measured_tensors_alone() -> None:
    points = [{"w": torch.tensor([w]), "running_mean": torch.tensor([9.0 * w])} for w in (0.0, 3.0, 4.0)]
    assert ControlledCurve(PolygonalChain(1), points, measured=["w"]).length() == 4.0
    assert ControlledCurve(PolygonalChain(1), points).length() == pytest.approx(4 * np.sqrt(82))


def test_far_from_the_origin_a_short_curve_keeps_its_length() -> None:
    """Speeds from inner products of the points themselves would lose all digits here."""
    spanned = curve(PolygonalChain(1), [1e8, 1e8], [1e8 + 1, 1e8], [1e8 + 1, 1e8 + 2])
    assert spanned.length() == pytest.approx(3, rel=1e-12)


def test_a_whole_state_dict_is_taken_without_its_counts(
    problem: Problem, network: nn.Module, other_network: nn.Module
) -> None:
    points = [network.state_dict(), other_network.state_dict(), network.state_dict()]
    spanned = ControlledCurve(Bezier(1), points)
    assert list(spanned.control_points[0]) == [n for n in points[0] if not n.endswith("num_batches_tracked")]
    measured = spanned.of(problem.model)
    assert measured.length() < spanned.length()
    names = [name for name, _ in network.named_parameters()]
    assert measured.length() == ControlledCurve(Bezier(1), points, measured=names).length()
    assert measured.control_points[0].keys() == state(problem.model).keys()


def test_a_curve_for_a_network_has_its_dtype(double_problem: Problem, other_network: nn.Module) -> None:
    points = [other_network.state_dict()] * 3
    spanned = ControlledCurve(Bezier(1), points).of(double_problem.model)
    assert {tensor.dtype for tensor in spanned.control_points[1].values()} == {torch.float64}


def test_a_curve_of_another_network_is_refused_naming_the_first_difference(network: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"the curve has no '0\.weight', which the network has"):
        curve(Bezier(1), *RANDOM[:3]).of(network)


def test_control_points_that_differ_in_shape_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"control point 2 has 'w' of shape \(1,\), the network of shape \(2,\)"
    ):
        curve(Bezier(1), [0.0, 1.0], [0.0, 1.0], [0.0])


@pytest.mark.parametrize(("family", "number"), [(Bezier(1), 4), (PolygonalChain(3), 3), (Bezier(2), 2)])
def test_too_few_control_points_are_refused_with_how_many_are_expected(
    family: CurveFamily, number: int
) -> None:
    expected = f"{family.points(2)}, {family.points(3)}, {family.points(4)}"
    message = f"a curve with {family.bends} bends .* has {expected}, ... control points, got {number}"
    with pytest.raises(ValueError, match=message):
        curve(family, *RANDOM[:number])


def test_a_grid_is_even_between_its_bounds_and_within_the_curve() -> None:
    spanned = curve(Bezier(1), *RANDOM[:3])
    assert spanned.grid(5).axes["t"].values.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert spanned.grid(3, low=0.2, high=0.8).axes["t"].values.tolist() == pytest.approx([0.2, 0.5, 0.8])
    with pytest.raises(
        ValueError, match=r"low and high are positions along the curve, within \[0, 1\], got -0.5"
    ):
        spanned.grid(5, low=-0.5)


@pytest.mark.parametrize("changed", [Bezier(1), PolygonalChain(1)])
def test_curves_are_told_apart_by_family_and_control_points(changed: CurveFamily) -> None:
    digest = curve(changed, *RANDOM[:3]).digest()
    assert digest == curve(changed, *RANDOM[:3]).digest()
    assert digest != curve(changed, *RANDOM[1:4]).digest()
    assert digest != curve(changed, *RANDOM[2::-1]).digest()
    assert curve(Bezier(1), *RANDOM[:3]).digest() != curve(PolygonalChain(1), *RANDOM[:3]).digest()
