import pytest
import torch
from torch import nn

from lossatlas.landscape import Plane, parameters, random_direction
from lossatlas.landscape.weight_space import flatten


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
