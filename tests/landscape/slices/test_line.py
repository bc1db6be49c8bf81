import numpy as np
import pytest

from lossatlas.landscape import Line, Problem, evaluate, line, parameters, random_direction


def test_line_k_runs_along_random_direction_k(problem: Problem) -> None:
    dataset = line(problem, directions=3, points=5, seed=11, extent=0.5)
    assert dataset.loss.dims == dataset.error.dims == ("direction", "split", "alpha")
    centre = parameters(problem.model)
    for index in range(3):
        direction = random_direction(centre, seed=11, index=index)
        alone = evaluate(problem, Line(centre, direction).grid(5, extent=0.5))
        assert dataset.loss.sel(direction=index).equals(
            alone.loss.transpose("split", "alpha").assign_coords(direction=index)
        )


def test_all_lines_pass_through_the_network(problem: Problem) -> None:
    at_centre = line(problem, directions=4, points=3).sel(alpha=0.0)
    assert (at_centre.loss == at_centre.loss.isel(direction=0)).all()


def test_more_directions_leave_the_first_ones_as_they_were(problem: Problem) -> None:
    few, many = (line(problem, directions=n, points=3) for n in (2, 4))
    assert few.equals(many.sel(direction=[0, 1]))


def test_chosen_splits_are_measured_alone(problem: Problem) -> None:
    dataset = line(problem, directions=1, points=3, splits=["test"])
    assert dataset.split.values.tolist() == ["test"]
    np.testing.assert_array_equal(
        dataset.loss, line(problem, directions=1, points=3).loss.sel(split=["test"])
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": 0}, "directions must be >= 1, got 0"),
        ({"points": 1}, "points must be >= 2, got 1"),
        ({"extent": -1.0}, "extent must be finite and > 0, got -1.0"),
        ({"normalize": "filters"}, "unknown normalize 'filters'"),
        ({"splits": ["valid"]}, "unknown split 'valid', the data has train, test"),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    problem: Problem, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        line(problem, **options)  # type: ignore[arg-type]
