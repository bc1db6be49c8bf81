"""Tangents and forces of a nudged elastic band, against the paper's formulas written out and closed forms."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lossatlas.studies.elastic_band.forces import band_gradients, tangents


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def transcribed(points: Tensor, losses: list[float]) -> Tensor:
    """Henkelman & Jonsson 2000, eqs. 8 to 11, one pivot at a time."""
    found = []
    for i in range(1, len(points) - 1):
        to_next, to_previous = points[i + 1] - points[i], points[i] - points[i - 1]
        previous, here, following = losses[i - 1 : i + 2]
        if following > here > previous:
            tangent = to_next
        elif following < here < previous:
            tangent = to_previous
        else:
            largest = max(abs(following - here), abs(previous - here))
            least = min(abs(following - here), abs(previous - here))
            if following > previous:
                tangent = to_next * largest + to_previous * least
            else:
                tangent = to_next * least + to_previous * largest
        found.append(tangent / tangent.norm())
    return torch.stack(found)


@pytest.mark.parametrize("seed", range(8))
def test_tangents_are_those_of_the_papers_formulas(seed: int) -> None:
    points, losses = drawn(12, 3, seed=seed), drawn(12, seed=100 + seed)
    assert_close(tangents(points, losses), transcribed(points, losses.tolist()), rtol=1e-12, atol=1e-12)


def test_at_a_maximum_the_higher_neighbour_weighs_more() -> None:
    """The code of Draxler et al. has the weights the other way round."""
    corner = torch.tensor([[-1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    (tangent,) = tangents(
        corner, torch.tensor([0.0, 3.0, 2.0])
    )  # rises of 3 to the pivot, falls of 1 after it
    assert_close(tangent, torch.tensor([1.0, 3.0]) / 10**0.5)


def test_on_a_plateau_the_tangent_is_the_mean_of_both_sides() -> None:
    corner = torch.tensor([[-1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    (tangent,) = tangents(corner, torch.ones(3))
    assert_close(tangent, torch.tensor([1.0, 1.0]) / 2**0.5)


def test_a_tangent_does_not_jump_where_a_pivot_becomes_the_highest() -> None:
    corner = torch.tensor([[-1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    before, after = (tangents(corner, torch.tensor([0.0, 1.0, 1.0 + rise])) for rise in (1e-6, -1e-6))
    assert_close(before, after, rtol=0, atol=1e-5)


@pytest.mark.parametrize("spring", [None, 0.5])
def test_the_loss_moves_pivots_across_the_band_and_the_spring_along_it(spring: float | None) -> None:
    points, losses, gradients = drawn(6, 5), drawn(6, seed=1), drawn(4, 5, seed=2)
    along = transcribed(points, losses.tolist())
    steps = (points[1:] - points[:-1]).norm(dim=1)
    pulls = (
        torch.zeros(4, dtype=torch.float64) if spring is None else -spring * (steps[1:] - steps[:-1])
    )  # eq. 12
    given = band_gradients(points, losses, gradients, spring=spring)
    assert_close((given * along).sum(1), pulls, rtol=1e-10, atol=1e-12)
    across = [row - (row @ t) * t for row, t in zip(gradients, along, strict=True)]
    assert_close(given - pulls[:, None] * along, torch.stack(across), rtol=1e-10, atol=1e-12)


def test_a_spring_is_at_rest_where_the_gaps_have_their_shares() -> None:
    points = torch.tensor([[0.0], [3.0], [4.0]])
    still = torch.zeros(1, 1)
    losses = torch.tensor([0.0, 1.0, 2.0])
    at_rest = band_gradients(points, losses, still, shares=torch.tensor([0.75, 0.25]), spring=1.0)
    assert_close(at_rest, still)
    assert band_gradients(points, losses, still, spring=1.0).item() > 0  # to the left, towards equal gaps


@pytest.mark.parametrize(
    ("points", "losses", "spring", "message"),
    [
        (torch.zeros(2, 4), torch.zeros(2), None, r"points must be \(P, n\) with P >= 3.*got \(2, 4\)"),
        (torch.zeros(3, 4), torch.zeros(4), None, r"losses must be one a point, \(3,\), got \(4,\)"),
        (torch.rand(3, 4), torch.rand(3), 0.0, "spring must be positive, .* got 0.0"),
    ],
)
def test_what_is_no_band_is_refused(
    points: Tensor, losses: Tensor, spring: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        band_gradients(points, losses, points[1:-1], spring=spring)
