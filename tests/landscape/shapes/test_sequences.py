import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Engine, Plane, Problem, evaluate, state
from lossatlas.landscape.shapes.sequences import Concatenated, Networks


def grid_of_states(model: nn.Module) -> Concatenated:
    centre = state(model)
    along = [{name: torch.full_like(tensor, k / 10) for name, tensor in centre.items()} for k in (1, 2)]
    plane = Plane(centre, *along).grid(3)  # type: ignore[arg-type]
    return Concatenated([plane, Networks([centre, along[0]], "snapshot", "number of the snapshot")])


def test_parts_follow_each_other() -> None:
    parts = [
        Networks([{"w": torch.tensor([w])} for w in ws], "k", "") for ws in ((0.0, 1.0), (2.0,), (3.0, 4.0))
    ]
    both = Concatenated(parts)
    out = {"w": torch.empty(1)}
    placed = []
    for index in range(len(both)):
        both.weights_at(index, out)
        placed.append(out["w"].item())
    assert placed == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("per_class", [False, True])
def test_a_dataset_is_cut_into_what_each_part_gives_alone(problem: Problem, per_class: bool) -> None:
    both = grid_of_states(problem.model)
    engine = Engine(per_class=per_class)
    grid, networks = both.split(evaluate(problem, both, engine=engine))
    for part, alone in zip((grid, networks), both._parts, strict=True):
        expected = evaluate(problem, alone, engine=engine).drop_attrs(deep=False)
        assert (
            part.drop_attrs(deep=False)
            .transpose(*expected.dims)
            .identical(expected.transpose(*expected.dims))
        )
    assert grid.loss.dims == ("y", "x", "split")


def test_points_do_not_depend_on_what_was_visited_before(problem: Problem) -> None:
    both = grid_of_states(problem.model)
    out = {name: torch.empty_like(tensor) for name, tensor in state(problem.model).items()}
    both.weights_at(3, out)
    before = {name: tensor.clone() for name, tensor in out.items()}
    both.weights_at(10, out)
    both.weights_at(3, out)
    assert all(torch.equal(out[name], before[name]) for name in out)
    np.testing.assert_array_equal(both.axes["index"], range(11))


def test_networks_of_several_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a snapshot has 'w' of shape \(3,\), the network of shape \(2,\)"):
        Networks([{"w": torch.zeros(2)}, {"w": torch.zeros(3)}], "snapshot", "")
