import pytest
import torch
from torch import nn

from lossatlas.landscape import Bundle, Line, Segment, parameters, random_direction, state
from lossatlas.weight_space import flatten


def test_a_line_is_centre_plus_alpha_times_direction(network: nn.Module) -> None:
    centre = parameters(network)
    direction = random_direction(centre, seed=0)
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in centre.items()}
    Line(centre, direction).place(out, -0.3)
    torch.testing.assert_close(flatten(out), flatten(centre) - 0.3 * flatten(direction))


def test_a_line_passes_through_its_centre_exactly(network: nn.Module) -> None:
    centre = parameters(network)
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in centre.items()}
    Line(centre, random_direction(centre, seed=0)).place(out, 0.0)
    assert torch.equal(flatten(out), flatten(centre))


def test_a_bundle_draws_each_direction_once_when_it_is_visited_in_order() -> None:
    drawn = []

    def draw(index: int) -> dict[str, torch.Tensor]:
        drawn.append(index)
        return {"w": torch.full((1,), float(index))}

    grid = Bundle({"w": torch.zeros(1)}, draw).grid(3, 2)
    out = {"w": torch.empty(1)}
    placed = []
    for index in range(len(grid)):
        grid.weights_at(index, out)
        placed.append(out["w"].item())
    assert placed == [0.0, 0.0, -1.0, 1.0, -2.0, 2.0]
    assert drawn == [0, 1, 2]


def test_a_bundle_needs_a_direction() -> None:
    with pytest.raises(ValueError, match="directions must be >= 1, got 0"):
        Bundle({"w": torch.zeros(1)}, lambda index: {"w": torch.ones(1)}).grid(0)


def test_a_segment_ends_at_its_networks_exactly(network: nn.Module, other_network: nn.Module) -> None:
    start, end = state(network), state(other_network)
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in start.items()}
    segment = Segment(start, end)
    for alpha, network_state in ((0.0, start), (1.0, end)):
        segment.place(out, alpha)
        assert torch.equal(flatten(out), flatten(network_state))


def test_a_segment_is_straight_beyond_its_ends() -> None:
    segment = Segment({"w": torch.tensor([2.0])}, {"w": torch.tensor([3.0])})
    out = {"w": torch.empty(1)}
    segment.place(out, 1.5)
    assert out["w"].item() == 3.5
    segment.place(out, -0.5)
    assert out["w"].item() == 1.5


def test_only_variances_are_clamped_at_zero() -> None:
    start = {name: torch.tensor([1.0, 2.0]) for name in ("bn.running_mean", "bn.running_var")}
    end = {name: torch.tensor([3.0, 2.0]) for name in start}
    segment = Segment(start, end)
    out = {name: torch.empty(2) for name in start}
    segment.place(out, -1.0)
    assert out["bn.running_mean"].tolist() == [-1.0, 2.0]
    assert out["bn.running_var"].tolist() == [0.0, 2.0]
    assert [segment.negative_variances(alpha) for alpha in (-1.0, -0.5, 0.0)] == [1, 0, 0]


def test_weights_of_another_network_are_refused() -> None:
    line = Line({"w": torch.zeros(2)}, {"w": torch.ones(2)})
    for out in ({}, {"w": torch.zeros(3)}):
        with pytest.raises(ValueError, match=r"the network has no 'w' of shape \(2,\)"):
            line.place(out, 0.0)
    with pytest.raises(ValueError, match="the direction has no 'w'"):
        Line({"w": torch.zeros(2)}, {})
    with pytest.raises(ValueError, match="the other network has no 'w'"):
        Segment({"w": torch.zeros(2)}, {})


def test_variances_along_a_line_are_clamped_unless_they_are_to_stay() -> None:
    centre = {"bn.running_var": torch.ones(2), "bn.running_mean": torch.ones(2)}
    direction = {name: torch.tensor([-2.0, 1.0]) for name in centre}
    for clamp, expected in ((True, [0.0, 2.0]), (False, [-1.0, 2.0])):
        out = {name: torch.empty(2) for name in centre}
        Line(centre, direction, clamp).place(out, 1.0)
        assert out["bn.running_var"].tolist() == expected
        assert out["bn.running_mean"].tolist() == [-1.0, 2.0]
        end = {name: tensor.clone() for name, tensor in direction.items()}
        Segment(centre, end, clamp).place(out, 2.0)
        assert out["bn.running_var"].tolist() == ([0.0, 1.0] if clamp else [-5.0, 1.0])
