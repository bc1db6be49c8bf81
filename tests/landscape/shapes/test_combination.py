"""What points say that they are linear combinations of, against the weights that they write."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from lossatlas.landscape.shapes.combination import combination_at
from lossatlas.landscape.shapes.curves import Curve, Polyline
from lossatlas.landscape.shapes.grid import Grid, Points
from lossatlas.landscape.shapes.lines import Bundle, Line, Segment
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.landscape.shapes.sequences import Concatenated, Networks
from lossatlas.weight_space import Weights

POINTS: dict[str, Callable[[Weights, Weights, Weights], Points]] = {
    "line": lambda a, b, c: Line(a, b).grid(5),
    "bundle": lambda a, b, c: Bundle(a, [b, c].__getitem__).grid(2, 5),
    "plane": lambda a, b, c: Plane(a, b, c).grid(5),
    "plane through networks": lambda a, b, c: Plane.through(a, b, c).grid_around_marks(5),
    "segment": lambda a, b, c: Segment(a, b).grid(9),
    "polyline": lambda a, b, c: Polyline([a, b, c]).grid(4),
    "one after the other": lambda a, b, c: Concatenated([Line(a, b).grid(3), Segment(b, c).grid(3)]),
}


def networks(rng: torch.Generator) -> list[Weights]:
    return [
        {
            name: torch.randn(shape, generator=rng, dtype=torch.float64)
            for name, shape in (("w", (3, 4)), ("b", (3,)))
        }
        for _ in range(3)
    ]


@pytest.mark.parametrize("kind", POINTS)
def test_a_combination_is_the_weights_of_its_point(kind: str, rng: torch.Generator) -> None:
    a, b, c = networks(rng)
    points = POINTS[kind](a, b, c)
    out = {name: torch.empty_like(tensor) for name, tensor in a.items()}
    for index in range(len(points)):
        points.weights_at(index, out)
        combination = combination_at(points, index)
        assert combination is not None
        for name, tensor in out.items():
            terms = zip(combination.coefficients, combination.basis, strict=True)
            total = sum(factor * weights[name] for factor, weights in terms)
            torch.testing.assert_close(total, tensor, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["line", "plane", "segment"])
def test_the_basis_is_one_for_all_points(kind: str, rng: torch.Generator) -> None:
    points = POINTS[kind](*networks(rng))
    found = [combination_at(points, index) for index in range(len(points))]
    assert len({id(combination.basis) for combination in found if combination}) == 1


def test_points_that_know_no_combination_have_none(rng: torch.Generator) -> None:
    a, b, c = networks(rng)
    curve = Curve(lambda t: {name: t**2 * tensor for name, tensor in a.items()}).grid(3)
    both = Concatenated([Line(a, b).grid(3), Networks([a, b, c], "network", "number of the network")])
    assert combination_at(SimpleNamespace(), 0) is None
    assert combination_at(curve, 1) is None
    assert combination_at(both, 2) is not None
    assert combination_at(both, 3) is None


def test_a_point_outside_the_grid_is_an_error(rng: torch.Generator) -> None:
    a, b, _ = networks(rng)
    grid: Grid = Line(a, b).grid(3)
    with pytest.raises(IndexError, match="point 3 of a grid of 3"):
        grid.combination_at(3)
