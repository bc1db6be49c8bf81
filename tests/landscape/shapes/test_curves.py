from math import cos, pi, sin

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Curve, Polyline, state
from lossatlas.weight_space import flatten


def circle(t: float) -> dict[str, torch.Tensor]:
    return {"w": torch.tensor([cos(2 * pi * t), sin(2 * pi * t)], dtype=torch.float64)}


def polyline(*corners: list[float]) -> Polyline:
    return Polyline([{"w": torch.tensor(corner)} for corner in corners])


def test_a_curve_is_its_function() -> None:
    grid = Curve(circle).grid(9)
    out = {"w": torch.empty(2, dtype=torch.float64)}
    for index, t in enumerate(np.linspace(0, 1, 9)):
        grid.weights_at(index, out)
        np.testing.assert_allclose(out["w"], [cos(2 * pi * t), sin(2 * pi * t)], atol=1e-15)


def test_the_length_of_a_circle_is_its_circumference() -> None:
    """A polygon of n sides is short of it by a factor sinc(1/n)."""
    lengths = Curve(circle).lengths(np.linspace(0, 1, 101))
    assert lengths[-1] == pytest.approx(2 * pi * np.sinc(1 / 100), rel=1e-12)
    np.testing.assert_allclose(lengths, np.linspace(0, lengths[-1], 101))


def test_a_curve_of_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the network has no 'w' of shape \(2,\)"):
        Curve(circle).place({"w": torch.empty(3)}, 0.0)


def test_curves_with_the_same_ends_are_told_apart() -> None:
    there, back = Curve(circle), Curve(lambda t: circle(-t))
    assert there.digest() == Curve(circle).digest() != back.digest()


def test_a_polyline_passes_through_its_networks_to_the_last_bit(
    network: nn.Module, other_network: nn.Module
) -> None:
    networks = [state(network), state(other_network), state(network)]
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in networks[0].items()}
    grid = Polyline(networks).grid(7)
    assert grid.axes["t"].values[[0, 6, 12]].tolist() == [0.0, 1.0, 2.0]
    for index, expected in zip((0, 6, 12), networks, strict=True):
        grid.weights_at(index, out)
        assert torch.equal(flatten(out), flatten(expected))


def test_a_polyline_is_straight_between_its_networks() -> None:
    out = {"w": torch.empty(2)}
    polyline([0.0, 0.0], [4.0, 0.0], [4.0, 8.0]).place(out, 1.25)
    assert out["w"].tolist() == [4.0, 2.0]


def test_lengths_are_over_the_measured_tensors_alone() -> None:
    networks = [{"w": torch.tensor([w]), "running_mean": torch.tensor([9.0 * w])} for w in (0.0, 3.0, 1.0)]
    line = Polyline(networks, measured=["w"])
    np.testing.assert_allclose(line.lengths(np.array([0.0, 0.5, 1.0, 1.5, 2.0])), [0.0, 1.5, 3.0, 4.0, 5.0])


def test_a_polyline_needs_two_networks_and_two_points_on_each_line() -> None:
    with pytest.raises(ValueError, match="a path needs at least two networks, got 1"):
        polyline([0.0])
    with pytest.raises(ValueError, match="points must be >= 2, got 1"):
        polyline([0.0], [1.0], [2.0]).grid(1)


def test_networks_of_other_shapes_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"the other network has 'w' of shape \(1,\), the network of shape \(2,\)"
    ):
        polyline([0.0, 1.0], [1.0])
