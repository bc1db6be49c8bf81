"""Trees of bands, on a loss of two weights that is known everywhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from lossatlas.landscape import ControlledCurve, PolygonalChain, Problem, path, spanning_tree

HALF_WAY = PolygonalChain(bends=1)


class Place(nn.Module):
    """Two weights, given as the outputs for any input."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(2))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.place.expand(len(inputs), 2)


def height(outputs: Tensor, targets: Tensor) -> Tensor:
    """The second weight is the loss."""
    return outputs[:, 1].mean()


@pytest.fixture
def problem() -> Problem:
    data = {split: (torch.zeros(4, 1), torch.zeros(4, 1)) for split in ("train", "test")}
    return Problem(Place(), height, data)


def band(*places: Sequence[float], family: PolygonalChain = HALF_WAY) -> ControlledCurve:
    return ControlledCurve(family, [{"place": torch.tensor(place)} for place in places])


def three_minima() -> list[ControlledCurve]:
    """Minima at x = 0, 1 and 3: over the first two one climbs to 2, over the last two to 4, directly to 9."""
    return [
        band([0.0, 0.0], [1.5, 9.0], [3.0, 0.0]),
        band([0.0, 0.0], [0.5, 2.0], [1.0, 1.0]),
        band([3.0, 0.0], [2.0, 4.0], [1.0, 1.0]),
    ]


def test_the_tree_takes_the_lower_saddles_and_tells_how_high_one_must_climb(problem: Problem) -> None:
    tree = spanning_tree(problem, bands=three_minima(), points=5)
    assert tree.in_tree.values.tolist() == [0, 1, 1]
    assert list(zip(tree.start.values.tolist(), tree.end.values.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (1, 2),
    ]
    nan = np.nan
    np.testing.assert_array_equal(tree.saddle_loss, [[nan, 9, 2], [9, nan, 4], [2, 4, nan]])
    np.testing.assert_array_equal(tree.highest_loss, [[nan, 4, 2], [4, nan, 4], [2, 4, nan]])


def test_along_each_band_the_losses_are_those_of_a_path(problem: Problem) -> None:
    bands = three_minima()
    tree = spanning_tree(problem, bands=bands, points=9)
    for number, one in enumerate(bands):
        alone = path(problem, through=one, points=9)
        np.testing.assert_allclose(tree.loss.sel(band=number), alone.loss, rtol=1e-6)
        assert tree.length_ratio[number].item() == pytest.approx(float(alone.length_ratio), rel=1e-6)
    np.testing.assert_array_equal(tree.loss_maximum, tree.loss.max("t"))


def test_of_two_bands_between_two_minima_the_lower_counts(problem: Problem) -> None:
    worse, better = band([0.0, 0.0], [0.5, 3.0], [1.0, 0.0]), band([1.0, 0.0], [0.5, 2.0], [0.0, 0.0])
    tree = spanning_tree(problem, bands=[worse, better], points=3)
    assert tree.sizes["minimum"] == 2
    assert tree.in_tree.values.tolist() == [0, 1]
    assert tree.saddle_loss[0, 1] == 2.0


def test_bands_may_have_different_numbers_of_pivots(problem: Problem) -> None:
    more = band([0.0, 0.0], [0.2, 1.0], [0.5, 2.0], [1.0, 0.0], family=PolygonalChain(bends=None))
    tree = spanning_tree(problem, bands=[band([0.0, 0.0], [0.5, 3.0], [1.0, 0.0]), more], points=7)
    assert tree.saddle_loss[0, 1] == 2.0


def test_a_survey_that_was_interrupted_goes_on_to_the_same_values(problem: Problem, tmp_path: Path) -> None:
    whole = spanning_tree(problem, bands=three_minima(), points=5)

    class Enough(Exception):  # noqa: N818
        pass

    def stop(done: int, total: int) -> None:
        if done == 7:
            raise Enough

    journal = tmp_path / "journal"
    with pytest.raises(Enough):
        spanning_tree(problem, bands=three_minima(), points=5, journal=journal, progress=stop)
    xr.testing.assert_equal(spanning_tree(problem, bands=three_minima(), points=5, journal=journal), whole)


@pytest.mark.parametrize(
    ("bands", "changed", "message"),
    [
        ([], {}, "bands: expected one or more"),
        (
            [band([0.0, 0.0], [0.5, 2.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0])],
            {},
            "band 0 has 3 ends, expected 2",
        ),
        (
            [band([0.0, 0.0], [0.5, 2.0], [1.0, 0.0]), band([2.0, 0.0], [2.5, 2.0], [3.0, 0.0])],
            {},
            "no chain of bands joins minimum 0 and minimum 2",
        ),
        (
            three_minima(),
            {"split": "validation"},
            "saddles are those of 'validation', expected one of train, test",
        ),
    ],
)
def test_what_is_no_tree_is_refused(
    problem: Problem, bands: list[ControlledCurve], changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        spanning_tree(problem, bands=bands, points=3, **changed)
