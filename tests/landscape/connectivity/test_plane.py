import copy

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import (
    Bezier,
    ControlledCurve,
    Engine,
    PolygonalChain,
    Problem,
    curve_plane,
    parameters,
    plane,
)
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.weight_space import flatten


@pytest.fixture
def third_network(network: nn.Module) -> nn.Module:
    third = copy.deepcopy(network)
    for k, tensor in enumerate((*third.parameters(), third[1].running_var)):
        tensor.data.mul_(0.8 + 0.1 * k)
    return third


@pytest.fixture
def others(other_network: nn.Module, third_network: nn.Module) -> list[dict[str, torch.Tensor]]:
    return [other_network.state_dict(), third_network.state_dict()]


def test_what_is_measured_at_the_networks_is_theirs_to_the_last_bit(
    problem: Problem,
    other_network: nn.Module,
    third_network: nn.Module,
    others: list[dict[str, torch.Tensor]],
) -> None:
    dataset = plane(problem, others=others, points=3)
    for k, network in enumerate((problem.model, other_network, third_network)):
        with prepared(Problem(network, problem.loss, problem.data)) as ready:
            expected = ready.measure()
        point = dataset.sel(point=k)
        assert [
            float(point[f"point_{metric}"].sel(split=split))
            for split in ("train", "test")
            for metric in ("loss", "error")
        ] == expected


def test_the_plane_meets_the_networks(problem: Problem, other_network: nn.Module) -> None:
    """A third network that lies between the two: without margin these are corners of the grid."""
    own, other = problem.model.state_dict(), other_network.state_dict()
    between = {name: 0.5 * (own[name] + other[name]) + 0.1 * torch.ones_like(own[name]) for name in own}
    dataset = plane(problem, others=[other, between], points=2, margin=0.0)
    assert 0 < dataset.point_x[2] < dataset.point_x[1]
    for k in (0, 1):
        corner = dataset.loss.isel(y=0, x=k)
        np.testing.assert_allclose(corner, dataset.point_loss.sel(point=k), rtol=1e-4)


def test_coordinates_are_distances_between_parameters(
    problem: Problem,
    other_network: nn.Module,
    third_network: nn.Module,
    others: list[dict[str, torch.Tensor]],
) -> None:
    dataset = plane(problem, others=others, points=2)
    networks = [flatten(parameters(each)).double() for each in (problem.model, other_network, third_network)]
    where = np.stack([dataset.point_x, dataset.point_y], axis=1)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        expected = float((networks[i] - networks[j]).norm())
        assert np.linalg.norm(where[i] - where[j]) == pytest.approx(expected, rel=1e-6)
    assert where[0].tolist() == [0.0, 0.0]
    assert where[1, 1] == 0.0


def test_without_statistics_all_points_have_the_first_networks(
    problem: Problem, others: list[dict[str, torch.Tensor]]
) -> None:
    dataset = plane(problem, others=others, points=2, statistics=False)
    mixed = copy.deepcopy(problem.model)
    for name, parameter in mixed.named_parameters():
        parameter.data.copy_(others[0][name])
    with prepared(Problem(mixed, problem.loss, problem.data)) as ready:
        assert float(dataset.point_loss.sel(point=1, split="train")) == ready.measure()[0]
    assert dataset.statistics == "of the first network"


def test_linear_regression_on_a_plane_is_its_closed_form(regression: Problem, rng: torch.Generator) -> None:
    others = [
        {
            name: torch.randn(w.shape, generator=rng, dtype=w.dtype)
            for name, w in parameters(regression.model).items()
        }
        for _ in range(2)
    ]
    dataset = plane(regression, others=others, points=4)
    a, b, c = (
        np.concatenate([w["weight"].numpy(), w["bias"].numpy()[:, None]], 1)
        for w in (parameters(regression.model), *others)
    )
    u = (b - a) / np.linalg.norm(b - a)
    v = (c - a) - ((c - a) * u).sum() * u
    v /= np.linalg.norm(v)
    x, y = (tensor.numpy() for tensor in regression.data["train"])
    for q in dataset.y.values:
        for p in dataset.x.values:
            w = a + p * u + q * v
            loss = ((x @ w[:, :3].T + w[:, 3] - y) ** 2).mean()
            assert float(dataset.loss.sel(x=p, y=q, split="train")) == pytest.approx(loss, rel=1e-10)


def test_an_interrupted_plane_goes_on_with_the_same_bits(
    problem: Problem, others: list[dict[str, torch.Tensor]], tmp_path: object
) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def stop(done: int, total: int) -> None:
        if done == 7:
            raise Enough

    journal = f"{tmp_path}/plane.journal"
    with pytest.raises(Enough):
        plane(problem, others=others, points=3, journal=journal, progress=stop)
    heard: list[int] = []
    resumed = plane(
        problem, others=others, points=3, journal=journal, progress=lambda done, total: heard.append(done)
    )
    assert heard == [7, 8, 9, 10, 11, 12]
    assert resumed.identical(plane(problem, others=others, points=3))


def test_a_plane_needs_two_others_that_are_not_on_a_line(
    problem: Problem, others: list[dict[str, torch.Tensor]]
) -> None:
    with pytest.raises(ValueError, match="a plane goes through the network and two others, got 1 others"):
        plane(problem, others=others[:1])
    with pytest.raises(ValueError, match="the three networks lie on one line"):
        plane(problem, others=[others[0], others[0]])
    with pytest.raises(ValueError, match=r"the third network has no '9\.bias', which the network has"):
        plane(problem, others=[others[0], {k: v for k, v in others[1].items() if k != "9.bias"}])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_what_the_cpu_gives(problem: Problem, others: list[dict[str, torch.Tensor]]) -> None:
    expected = plane(problem, others=others, points=3)
    data = {split: (inputs.cuda(), targets.cuda()) for split, (inputs, targets) in problem.data.items()}
    dataset = plane(Problem(copy.deepcopy(problem.model).cuda(), problem.loss, data), others=others, points=3)
    for name in ("loss", "point_loss", "point_x", "point_y"):
        np.testing.assert_allclose(dataset[name], expected[name], rtol=1e-4, atol=1e-6)


def test_margins_are_given_for_each_side(problem: Problem, others: list[dict[str, torch.Tensor]]) -> None:
    margin = {"left": 0.0, "right": 0.5, "bottom": 0.25, "top": 1.0}
    dataset = plane(problem, others=others, points=2, margin=margin)
    for name, below, above in (("x", 0.0, 0.5), ("y", 0.25, 1.0)):
        low, high = float(dataset[f"point_{name}"].min()), float(dataset[f"point_{name}"].max())
        expected = [low - below * (high - low), high + above * (high - low)]
        np.testing.assert_allclose(dataset[name], expected, rtol=1e-12)
    assert dataset.margin == "left 0, right 0.5, bottom 0.25, top 1"


def test_margins_name_all_sides_and_no_others(
    problem: Problem, others: list[dict[str, torch.Tensor]]
) -> None:
    with pytest.raises(ValueError, match="or one for each of left, right, bottom, top, got"):
        plane(problem, others=others, margin={"left": 0.1})
    with pytest.raises(ValueError, match=r"margin must be finite and >= 0, got -0\.1"):
        plane(problem, others=others, margin={"left": 0.1, "right": 0.1, "bottom": 0.1, "top": -0.1})


def test_the_regularized_loss_is_that_of_each_point_of_the_plane(
    problem: Problem, others: list[dict[str, torch.Tensor]]
) -> None:
    """|w|^2 from coordinates: that of the origin, plus 2 a.(x u + y v), plus x^2 + y^2, with u and v orthonormal."""
    dataset = plane(problem, others=others, points=3, weight_decay=0.02)
    names = list(parameters(problem.model))
    a, b, c = (
        flatten({name: state[name] for name in names}).double()
        for state in (problem.model.state_dict(), *others)
    )
    u = (b - a) / (b - a).norm()
    v = (c - a) - ((c - a) @ u) * u
    v = v / v.norm()
    x, y = dataset.x, dataset.y
    squares = float(a @ a) + 2 * (x * float(a @ u) + y * float(a @ v)) + x**2 + y**2
    added = (dataset.regularized_loss - dataset.loss).sel(split="train").transpose("y", "x")
    np.testing.assert_allclose(added, 0.01 * squares.transpose("y", "x"), rtol=1e-4)
    at_networks = (dataset.point_regularized_loss - dataset.point_loss).sel(split="train")
    np.testing.assert_allclose(at_networks, [0.01 * float(w @ w) for w in (a, b, c)], rtol=1e-5)


def control_points(problem: Problem, number: int) -> list[dict[str, torch.Tensor]]:
    """Networks that lie in no plane together."""
    rng = torch.Generator().manual_seed(7)
    return [
        {
            name: tensor + 0.3 * torch.rand(tensor.shape, generator=rng).to(tensor)
            if tensor.is_floating_point()
            else tensor
            for name, tensor in problem.model.state_dict().items()
        }
        for _ in range(number)
    ]


@pytest.mark.parametrize(("bend", "third"), [(None, 2), (1, 1), (3, 3)])
def test_a_plane_goes_through_both_ends_of_a_curve_and_the_chosen_of_its_three_bends(
    problem: Problem, bend: int | None, third: int
) -> None:
    """And not through the control points 0, 1 and 2, whatever their number, as in Garipov et al.'s code."""
    points = control_points(problem, 5)
    dataset = curve_plane(
        problem, curve=ControlledCurve(PolygonalChain(bends=3), points), bend=bend, points=2
    )
    for k, point in enumerate((points[0], points[4], points[third])):
        network = copy.deepcopy(problem.model)
        network.load_state_dict(point)
        with prepared(Problem(network, problem.loss, problem.data)) as ready:
            assert float(dataset.point_loss.sel(point=k, split="train")) == ready.measure()[0]
    at_bend = dataset.sel(curve=0, curve_t=third / 4, method="nearest")
    assert float(at_bend.curve_distance) == pytest.approx(0.0, abs=1e-4)
    assert float(at_bend.curve_x) == pytest.approx(float(dataset.point_x[2]), abs=1e-4)
    assert float(at_bend.curve_y) == pytest.approx(float(dataset.point_y[2]), abs=1e-4)


def test_a_curve_is_drawn_where_it_is_projected_and_its_distance_from_the_plane_is_what_is_left(
    problem: Problem,
) -> None:
    points = control_points(problem, 4)
    curve = ControlledCurve(Bezier(bends=2), points)
    dataset = curve_plane(problem, curve=curve, points=2)
    names = list(parameters(problem.model))
    w = [flatten({name: point[name] for name in names}).double() for point in points]
    basis = torch.stack([w[3] - w[0], w[2] - w[0]], dim=1)
    for t in (0.25, 0.5, 1.0):
        s = 1 - t
        offset = s**3 * w[0] + 3 * s**2 * t * w[1] + 3 * s * t**2 * w[2] + t**3 * w[3] - w[0]
        solution = torch.linalg.lstsq(basis, offset[:, None]).solution
        rest = float((offset - (basis @ solution)[:, 0]).norm())
        seen = dataset.sel(curve=0, curve_t=t)
        assert float(seen.curve_distance) == pytest.approx(rest, rel=1e-3, abs=1e-4)
        whole = np.sqrt(float(seen.curve_x) ** 2 + float(seen.curve_y) ** 2 + rest**2)
        assert whole == pytest.approx(float(offset.norm()), rel=1e-5)


def test_curves_are_drawn_by_name_in_the_plane_of_three_networks(
    problem: Problem, others: list[dict[str, torch.Tensor]]
) -> None:
    chain = ControlledCurve(PolygonalChain(), [problem.model.state_dict(), others[1], others[0]])
    line = ControlledCurve(PolygonalChain(bends=0), [problem.model.state_dict(), others[0]])
    dataset = plane(problem, others=others, points=2, curves={"chain": chain, "line": line})
    assert dataset.curve.values.tolist() == ["chain", "line"]
    at_bend = dataset.sel(curve="chain", curve_t=0.5)
    np.testing.assert_allclose(
        [at_bend.curve_x, at_bend.curve_y], [dataset.point_x[2], dataset.point_y[2]], rtol=1e-4
    )
    assert float(abs(dataset.curve_y.sel(curve="line")).max()) < 1e-4
    assert float(dataset.curve_distance.max()) < 1e-3


def test_statistics_of_batch_norm_are_recomputed_at_each_point_of_the_plane(
    problem: Problem, others: list[dict[str, torch.Tensor]]
) -> None:
    """The running statistics that the networks come with then make no difference."""
    engine = Engine(evaluation="recompute")
    shifted = [
        {name: tensor + 1.0 if name.endswith("running_var") else tensor for name, tensor in other.items()}
        for other in others
    ]
    one, two = (plane(problem, others=given, points=3, engine=engine) for given in (others, shifted))
    np.testing.assert_array_equal(one.loss, two.loss)
    assert not np.array_equal(one.loss, plane(problem, others=others, points=3).loss)


def test_a_bend_must_lie_between_the_ends(problem: Problem) -> None:
    points = control_points(problem, 3)
    curve = ControlledCurve(Bezier(bends=1), points)
    for bend in (0, 2, 3):
        with pytest.raises(
            ValueError, match=f"bend is a control point between the ends, 1 to 1 here, got {bend}"
        ):
            curve_plane(problem, curve=curve, bend=bend)
    with pytest.raises(ValueError, match="the curve has no control point between its ends"):
        curve_plane(problem, curve=ControlledCurve(PolygonalChain(bends=0), points[:2]))
