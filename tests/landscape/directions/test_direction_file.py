from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import (
    DirectionFile,
    Problem,
    RandomDirections,
    line,
    parameters,
    state,
    surface,
    write_directions,
)
from lossatlas.models import VGG, DenseNet


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


def of_images(model: nn.Module) -> Problem:
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(12, 3, 8, 8, generator=rng)
    return Problem(model.eval(), nn.CrossEntropyLoss(), {"train": (inputs, torch.arange(12) % 5)})


def densenet(convention: str) -> Problem:
    torch.manual_seed(0)
    return of_images(
        DenseNet([2, 2], 4, bottleneck=True, convention=convention, input_shape=(3, 8, 8), classes=5)
    )


def vgg9(convention: str) -> Problem:
    torch.manual_seed(0)
    layout = [1, 1, "M", 2, 2, "M", 4, 4, 4, "M"]
    return of_images(VGG(layout, [4], width=2, convention=convention, input_shape=(3, 8, 8), classes=5))


def test_a_file_of_their_densenet_is_refused_where_channels_come_in_another_order(
    rng: torch.Generator, tmp_path: Path
) -> None:
    """All its shapes fit, and the loss would be another one."""
    ours, theirs = densenet("lossatlas"), densenet("li2018")
    path = write(tmp_path / "theirs.h5", xdirection=drawn(theirs, False, rng))
    assert line(theirs, along=DirectionFile(path), points=3).directions == "file"
    message = (
        r"theirs\.h5: directions of a DenseNet with the newest first of its channels, as the code of Li et al\. has it "
        r"\(convention=li2018\), but the network has the oldest first$"
    )
    with pytest.raises(ValueError, match=message):
        line(ours, along=DirectionFile(path), points=3)


def test_a_file_that_we_wrote_is_for_networks_of_the_same_order(tmp_path: Path) -> None:
    ours, theirs = densenet("lossatlas"), densenet("li2018")
    [x] = RandomDirections().of(ours).take(1)
    path = write_directions(tmp_path / "ours.h5", ours.model, x)
    assert line(ours, along=DirectionFile(path), points=3).directions == "file"
    with pytest.raises(
        ValueError, match=r"with the oldest first of its channels, but the network has the newest first"
    ):
        line(theirs, along=DirectionFile(path), points=3)


def test_a_file_of_their_vgg9_is_for_the_one_with_biases(rng: torch.Generator, tmp_path: Path) -> None:
    ours, theirs = vgg9("lossatlas"), vgg9("li2018")
    for statistics in (False, True):
        path = write(tmp_path / "theirs.h5", xdirection=drawn(theirs, statistics, rng))
        assert line(theirs, along=DirectionFile(path), points=3).directions == "file"
        message = r"of \d+ tensors, but the network has 26 parameters .*; with biases before its 8 batch norms, as the"
        with pytest.raises(ValueError, match=message):
            line(ours, along=DirectionFile(path), points=3)


@torch.no_grad()
def test_a_written_file_moves_their_network_as_ours(problem: Problem, tmp_path: Path) -> None:
    """Their code adds number times tensor to the parameters, one after the other, from groups by number."""
    x, y = RandomDirections(convention="li2018").of(problem).take(2)
    path = write_directions(tmp_path / "directions.h5", problem.model, x, y)
    with h5py.File(path) as file:
        groups = [
            [file[group][str(k)][:] for k in range(len(file[group]))]
            for group in ("xdirection", "ydirection")
        ]
    dataset = surface(problem, points=3, convention="li2018")
    np.testing.assert_array_equal(surface(problem, points=3, along=DirectionFile(path)).loss, dataset.loss)
    before = list(parameters(problem.model.eval()).values())
    for parameter, weights, a, b in zip(problem.model.parameters(), before, *groups, strict=True):
        parameter.copy_(weights + torch.tensor(a * 1.0 + b * -1.0))
    inputs, targets = problem.data["train"]
    loss = nn.functional.cross_entropy(problem.model(inputs), targets).item()
    assert dataset.loss.sel(split="train", x=1, y=-1).item() == pytest.approx(loss, rel=1e-5)


def test_statistics_make_a_written_file_one_of_states(problem: Problem, tmp_path: Path) -> None:
    everything = state(problem.model)
    path = write_directions(tmp_path / "d.h5", problem.model, everything, {"0.bias": everything["0.bias"]})
    with h5py.File(path) as file:
        assert [len(file[group]) for group in file] == 2 * [len(problem.model.state_dict())]
        assert not any(
            file[f"xdirection/{k}"][()].any() for k in range(15) if not file[f"xdirection/{k}"].shape
        )
    first, second = DirectionFile(path).of(problem).take(2)
    assert all(torch.equal(first[name], tensor) for name, tensor in everything.items())
    assert [name for name, tensor in second.items() if tensor.any()] == ["0.bias"]


def test_what_the_network_has_not_is_not_written(problem: Problem, tmp_path: Path) -> None:
    for direction, message in (
        ({"77.weight": torch.ones(2)}, "the direction has '77.weight', which the network has not"),
        ({"0.bias": torch.ones(1)}, r"the direction has '0.bias' of shape \(1,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            write_directions(tmp_path / "d.h5", problem.model, direction)
    assert not (tmp_path / "d.h5").exists()
