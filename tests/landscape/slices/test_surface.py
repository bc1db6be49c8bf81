import numpy as np
import pytest

from lossatlas.landscape import Problem, line, surface


def test_the_middle_row_and_column_are_the_first_two_lines(problem: Problem) -> None:
    """The row at y = 0 runs along direction 0, the column at x = 0 along direction 1."""
    dataset = surface(problem, points=5, seed=4)
    lines = line(problem, directions=2, points=5, seed=4)
    assert dataset.loss.dims == dataset.error.dims == ("split", "y", "x")
    np.testing.assert_array_equal(dataset.loss.sel(y=0.0), lines.loss.sel(direction=0))
    np.testing.assert_array_equal(dataset.loss.sel(x=0.0), lines.loss.sel(direction=1))
    assert not np.allclose(dataset.loss, dataset.loss.transpose("split", "x", "y"), rtol=1e-3)


def test_an_unknown_ignore_is_refused(problem: Problem) -> None:
    with pytest.raises(ValueError, match="unknown ignore 'bias', expected one of biasbn, none"):
        surface(problem, ignore="bias")
