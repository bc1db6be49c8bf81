from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from lossatlas.landscape import DirectionFile, Problem, line, surface


def write(path: Path, **directions: list[Tensor]) -> Path:
    """A group for each direction with its tensors under 0, 1, ..., as their code writes them."""
    with h5py.File(path, "w") as file:
        for name, tensors in directions.items():
            group = file.create_group(name)
            for k, tensor in enumerate(tensors):
                group.create_dataset(str(k), data=tensor.numpy())
    return path


def drawn(problem: Problem, statistics: bool, rng: torch.Generator) -> list[Tensor]:
    model = problem.model
    like = model.state_dict().values() if statistics else model.parameters()
    return [torch.randn(tensor.shape, generator=rng) for tensor in like]


def test_parameters_are_taken_in_the_order_of_the_network(
    problem: Problem, rng: torch.Generator, tmp_path: Path
) -> None:
    along_x, along_y = (drawn(problem, False, rng) for _ in range(2))
    path = write(tmp_path / "directions.h5", xdirection=along_x, ydirection=along_y)
    names = [name for name, _ in problem.model.named_parameters()]
    given = [dict(zip(names, tensors, strict=True)) for tensors in (along_x, along_y)]
    dataset = surface(problem, along=DirectionFile(path), points=3)
    np.testing.assert_array_equal(dataset.loss, surface(problem, along=given, points=3).loss)
    assert dataset.directions == "file"


def test_of_a_state_dict_the_counters_are_left_out(
    problem: Problem, rng: torch.Generator, tmp_path: Path
) -> None:
    tensors = drawn(problem, True, rng)
    path = write(tmp_path / "directions.h5", xdirection=tensors)
    [direction] = DirectionFile(path).of(problem).take(1)
    for name, tensor in zip(problem.model.state_dict(), tensors, strict=True):
        assert (name not in direction) == name.endswith("num_batches_tracked")
        assert name not in direction or torch.equal(direction[name], tensor)


def test_variances_below_zero_stay(problem: Problem, tmp_path: Path) -> None:
    state = list(problem.model.state_dict().values())
    dataset = line(
        problem, along=DirectionFile(write(tmp_path / "d.h5", xdirection=state)), points=3, extent=1.5
    )
    assert np.isnan(dataset.loss.sel(alpha=-1.5)).all()
    assert np.isfinite(dataset.loss.sel(alpha=0.0)).all()


def test_files_that_are_none_are_named(problem: Problem, rng: torch.Generator, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5: there is no such file"):
        line(problem, along=DirectionFile(tmp_path / "nowhere.h5"))
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(ValueError, match=r"text\.h5: no file of directions \("):
        line(problem, along=DirectionFile(tmp_path / "text.h5"))
    with pytest.raises(ValueError, match="it has no xdirection"):
        line(problem, along=DirectionFile(write(tmp_path / "empty.h5")))
    short = write(tmp_path / "short.h5", xdirection=drawn(problem, False, rng)[:-1])
    with pytest.raises(
        ValueError, match="a direction of 8 tensors, but the network has 9 parameters and 15 tensors"
    ):
        line(problem, along=DirectionFile(short))
    other = write(tmp_path / "other.h5", xdirection=[torch.ones(2)] * 9)
    with pytest.raises(
        ValueError, match=r"the direction has '0\.weight' of shape \(2,\), the network of shape"
    ):
        line(problem, along=DirectionFile(other))
