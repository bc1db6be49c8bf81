"""Intersecting wedges against their closed forms."""

import numpy as np
import pytest
import torch

from lossatlas.landscape import Problem, path
from lossatlas.toy import Point, Wedges

DIMENSIONS = 40


def on(wedges: Wedges, number: int, seed: int) -> torch.Tensor:
    """A place on a wedge."""
    place = torch.randn(DIMENSIONS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    place[list(wedges.short[number])] = 0
    return place


def ball(place: torch.Tensor) -> Point:
    return Point(place.tolist(), place.tolist(), input_shape=(1, 1, DIMENSIONS), classes=DIMENSIONS).double()


@pytest.fixture
def wedges() -> Wedges:
    return Wedges.random(DIMENSIONS, wedges=2, short=12, seed=3)


def test_the_straight_line_between_two_wedges_rises_as_its_closed_form_says(wedges: Wedges) -> None:
    p, q = on(wedges, 0, 0), on(wedges, 1, 1)
    a, b = (place[list(short)].norm() for place, short in zip((q, p), wedges.short, strict=True))
    alpha = torch.linspace(0, 1, 2001, dtype=torch.float64)[:, None]
    heights = wedges.heights(torch.lerp(p, q, alpha))
    torch.testing.assert_close(heights.max(), a * b / (a + b), rtol=1e-3, atol=0)
    torch.testing.assert_close(alpha[heights.argmax(), 0], b / (a + b), rtol=0, atol=1e-3)


def test_by_way_of_the_crossing_two_wedges_are_joined_without_a_rise(wedges: Wedges) -> None:
    p, q = on(wedges, 0, 0), on(wedges, 1, 1)
    stations = [p, wedges.crossing(p), wedges.crossing(q), q]
    data = {"train": (torch.zeros(2, 1, 1, DIMENSIONS), torch.zeros(2))}
    through = [{"position": station} for station in stations[1:]]
    problem = Problem(ball(p), wedges, data)
    straight = path(problem, through=[{"position": q}], points=41)
    around = path(problem, through=through, points=41)
    assert around.loss_barrier.item() < 1e-6 < 1 < straight.loss_barrier.item()
    assert straight.length_ratio.item() == 1
    assert around.length_ratio.item() > 1


def test_three_wedges_bound_a_level_surface() -> None:
    """The triangle between their crossings, and the lines from each wedge to it."""
    wedges = Wedges.random(DIMENSIONS, wedges=3, short=8, seed=1)
    corners = torch.stack([wedges.crossing(on(wedges, k, k)) for k in range(3)])
    shares = torch.distributions.Dirichlet(torch.ones(3, dtype=torch.float64)).sample((200,))
    assert (wedges.heights(shares @ corners) == 0).all()
    for k in range(3):
        assert (wedges.heights(torch.lerp(on(wedges, k, k), corners[k], shares[:, :1])) == 0).all()
    straight = shares @ torch.stack([on(wedges, k, k) for k in range(3)])
    assert wedges.heights(straight).max() > 0.5


@pytest.mark.parametrize("dimensions", [3, 6, 9, 12, 15])
def test_a_random_cut_comes_down_as_far_as_its_dimensions_allow(dimensions: int) -> None:
    wedge = Wedges([range(12)])
    rng = np.random.default_rng(dimensions)
    place = rng.normal(size=DIMENSIONS)
    left = []
    for _ in range(400):
        cut = rng.normal(size=(DIMENSIONS, dimensions))
        best, *_ = np.linalg.lstsq(cut[:12], -place[:12], rcond=None)
        left.append(wedge.heights(torch.from_numpy(place + cut @ best)).item() ** 2)
    whole = wedge.heights(torch.from_numpy(place)).item() ** 2
    assert np.mean(left) / whole == pytest.approx(max(0, 1 - dimensions / 12), abs=0.03)


def test_what_no_wedges_are_is_refused() -> None:
    with pytest.raises(
        ValueError, match="short: expected the short directions of one wedge or more, got none"
    ):
        Wedges([])
    for wedge in ([], [1, 1], [-1]):
        with pytest.raises(ValueError, match=r"short: expected different axes from 0 on, .* got \["):
            Wedges([[0], wedge])
    with pytest.raises(ValueError, match="wedges that are short along axis 4, got places of 3 dimensions"):
        Wedges([[4]]).heights(torch.zeros(3))
    with pytest.raises(ValueError, match="short must be from 1 to 3, the dimensions, got 4"):
        Wedges.random(3, wedges=1, short=4)
