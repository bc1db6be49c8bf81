import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Plane, parameters, random_direction
from lossatlas.weight_space import flatten


def test_a_plane_is_centre_plus_both_directions(network: nn.Module) -> None:
    centre = parameters(network)
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in centre.items()}
    Plane.random(centre, seed=7).place(out, y=0.25, x=-0.5)
    along_x = flatten(random_direction(centre, seed=7, index=0))
    along_y = flatten(random_direction(centre, seed=7, index=1))
    torch.testing.assert_close(flatten(out), flatten(centre) - 0.5 * along_x + 0.25 * along_y)


def test_rows_are_y_and_columns_are_x() -> None:
    plane = Plane({"w": torch.zeros(2)}, {"w": torch.tensor([1.0, 0.0])}, {"w": torch.tensor([0.0, 1.0])})
    grid = plane.grid(3, extent=2.0)
    out = {"w": torch.empty(2)}
    grid.weights_at(1, out)  # first row, second column
    assert out["w"].tolist() == [0.0, -2.0]


def test_a_direction_of_another_network_is_refused() -> None:
    centre = {"w": torch.zeros(2)}
    with pytest.raises(ValueError, match="the direction of y has 'w' of shape"):
        Plane(centre, {"w": torch.ones(2)}, {"w": torch.ones(3)})


def points(*entries: list[float]) -> list[dict[str, torch.Tensor]]:
    return [{"w": torch.tensor(entry, dtype=torch.float64)} for entry in entries]


def test_the_plane_through_three_networks_has_their_gram_schmidt_basis(rng: torch.Generator) -> None:
    """u = b - a and v = c - a - <c - a, u> u / |u|^2, by a QR decomposition in numpy."""
    a, b, c = points(*torch.randn(3, 30, generator=rng, dtype=torch.float64).tolist())
    plane = Plane.through(a, b, c)
    edges = np.stack([(b["w"] - a["w"]).numpy(), (c["w"] - a["w"]).numpy()], axis=1)
    basis, corners = np.linalg.qr(edges)
    signs = np.sign(np.diag(corners))
    np.testing.assert_allclose(plane.direction_x["w"], basis[:, 0] * signs[0])
    np.testing.assert_allclose(plane.direction_y["w"], basis[:, 1] * signs[1])
    expected = np.vstack([np.zeros(2), (signs[:, None] * corners).T])
    np.testing.assert_allclose(plane.marks, expected, atol=1e-12)


def test_the_marks_are_where_the_three_networks_are(network: nn.Module, other_network: nn.Module) -> None:
    a, b = parameters(network), parameters(other_network)
    c = {name: a[name] + 0.3 * b[name].flip(0) for name in a}
    plane = Plane.through(a, b, c)
    assert plane.marks is not None
    out = {name: torch.empty_like(tensor) for name, tensor in a.items()}
    for (x, y), expected in zip(plane.marks, (a, b, c), strict=True):
        plane.place(out, y=y, x=x)
        torch.testing.assert_close(flatten(out), flatten(expected), rtol=0, atol=1e-5)
    distances = [(flatten(p) - flatten(q)).double().norm() for p, q in ((a, b), (a, c), (b, c))]
    on_plane = [np.linalg.norm(plane.marks[i] - plane.marks[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(on_plane, distances, rtol=1e-6)


def test_tensors_that_are_not_measured_are_carried_along() -> None:
    """They are affine: those of the networks at these, and no part of any distance."""
    a, b, c = points([0.0, 0.0], [4.0, 0.0], [1.0, 2.0])
    for network, mean in zip((a, b, c), (1.0, 5.0, -3.0), strict=True):
        network["running_mean"] = torch.tensor([mean], dtype=torch.float64)
    plane = Plane.through(a, b, c, measured=["w"])
    assert plane.marks is not None
    assert plane.marks.tolist() == [[0.0, 0.0], [4.0, 0.0], [1.0, 2.0]]
    out = {name: torch.empty_like(tensor) for name, tensor in a.items()}
    for (x, y), expected in (((0, 0), 1.0), ((4, 0), 5.0), ((1, 2), -3.0), ((2.5, 1), 1.0)):
        plane.place(out, y=y, x=x)
        assert out["running_mean"].item() == pytest.approx(expected)


def test_the_grid_around_three_networks_has_a_margin() -> None:
    """Where the third lies between the two it is the grid of Garipov et al.: -0.2 to 1.2 of either side."""
    a, b, c = points([0.0, 0.0], [4.0, 0.0], [1.0, 2.0])
    grid = Plane.through(a, b, c).grid_around_marks(8, margin=0.2)
    np.testing.assert_allclose(grid.axes["x"], 4 * np.linspace(-0.2, 1.2, 8), atol=1e-12)
    np.testing.assert_allclose(grid.axes["y"], 2 * np.linspace(-0.2, 1.2, 8), atol=1e-12)


def test_a_third_network_beyond_the_two_is_inside_the_grid() -> None:
    a, b, c = points([0.0, 0.0], [4.0, 0.0], [-6.0, 2.0])
    grid = Plane.through(a, b, c).grid_around_marks(3, margin=0.1)
    np.testing.assert_allclose(grid.axes["x"], [-7.0, -1.0, 5.0])


def test_three_networks_on_a_line_are_refused(network: nn.Module, other_network: nn.Module) -> None:
    a, b = parameters(network), parameters(other_network)
    between = {name: torch.lerp(a[name], b[name], 0.3) for name in a}
    with pytest.raises(ValueError, match="the three networks lie on one line"):
        Plane.through(a, b, between)
    with pytest.raises(ValueError, match="the three networks lie on one line"):
        Plane.through(a, b, a)
    with pytest.raises(ValueError, match="the first two networks are the same"):
        Plane.through(a, a, b)


def test_networks_of_other_shapes_are_refused() -> None:
    a, b, c = points([0.0], [1.0], [2.0, 3.0])
    with pytest.raises(
        ValueError, match=r"the third network has 'w' of shape \(2,\), the network of shape \(1,\)"
    ):
        Plane.through(a, b, c)


def test_a_plane_that_was_not_laid_through_points_has_nothing_to_put_a_grid_around() -> None:
    with pytest.raises(ValueError, match="the plane was not laid through points"):
        Plane.random({"w": torch.eye(2)}, seed=0).grid_around_marks()


@pytest.mark.parametrize("margin", [-0.1, float("nan")])
def test_a_margin_must_not_be_negative(margin: float) -> None:
    a, b, c = points([0.0, 0.0], [4.0, 0.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="margin must be finite and >= 0"):
        Plane.through(a, b, c).grid_around_marks(margin=margin)


def test_variances_below_zero_are_clamped_unless_they_are_to_stay() -> None:
    centre = {"bn.running_var": torch.ones(2)}
    directions = [{"bn.running_var": torch.tensor(v)} for v in ([-2.0, 1.0], [0.0, 0.0])]
    for clamp, expected in ((True, [0.0, 2.0]), (False, [-1.0, 2.0])):
        out = {"bn.running_var": torch.empty(2)}
        Plane(centre, *directions, clamp).place(out, y=0.0, x=1.0)
        assert out["bn.running_var"].tolist() == expected
