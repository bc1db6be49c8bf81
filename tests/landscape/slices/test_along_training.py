from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Problem, along_training, eigenvalues, line, trajectory
from lossatlas.weight_space import weights_digest


def test_each_snapshot_is_surveyed_as_it_is_alone(problem: Problem, other_network: nn.Module) -> None:
    """Running statistics of batch norm are the snapshot's too."""
    survey = partial(line, points=3, directions=2, splits=["test"])
    before = weights_digest(problem.model.state_dict())
    snapshots = {10: problem.model.state_dict(), 0: other_network.state_dict()}
    dataset = along_training(problem, snapshots=snapshots, survey=survey)
    assert dataset.loss.dims[0] == "snapshot"
    assert dataset.snapshot.values.tolist() == [0, 10]
    assert dataset.snapshot.attrs["units"] == "epoch"
    for network, epoch in ((other_network, 0), (problem.model, 10)):
        alone = survey(Problem(network, problem.loss, problem.data))
        np.testing.assert_array_equal(dataset.loss.sel(snapshot=epoch), alone.loss)
    assert (dataset.attrs["survey"], dataset.attrs["of"]) == ("along_training", "line")
    assert weights_digest(problem.model.state_dict()) == before


def test_an_interrupted_survey_goes_on_with_the_snapshot_that_it_was_at(
    problem: Problem, other_network: nn.Module, tmp_path: Path
) -> None:
    snapshots = [other_network.state_dict(), problem.model.state_dict()]
    survey = partial(line, points=3, directions=1)
    whole = along_training(problem, snapshots=snapshots, survey=survey)

    def stop(done: int, total: int) -> None:
        assert total == 6
        if done == 4:
            raise KeyboardInterrupt

    options = {"snapshots": snapshots, "survey": survey, "journal": tmp_path / "j"}
    with pytest.raises(KeyboardInterrupt):
        along_training(problem, **options, progress=stop)
    assert [len((tmp_path / f"j.snapshot{k}").read_text().splitlines()) for k in (0, 1)] == [4, 2]
    assert along_training(problem, **options).identical(whole)
    assert whole.snapshot.values.tolist() == [0, 1]


def test_the_largest_eigenvalue_along_descent_is_the_products_and_ends_below_two_over_the_rate() -> None:
    """(1 - a b)^2: gradient flow from (2.3, 0.1) would end at an eigenvalue 2 (a^2 + b^2) above 2/rate = 8."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)).double()
    one = torch.ones(1, 1, dtype=torch.float64)
    problem = Problem(model, nn.functional.mse_loss, {"train": (one, one)})
    for parameter, start in zip(model.parameters(), (2.3, 0.1), strict=True):
        parameter.data.fill_(start)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
    snapshots = {}
    for step in range(201):
        if step % 40 == 0:
            snapshots[step] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        optimizer.zero_grad()
        nn.functional.mse_loss(model(one), one).backward()
        optimizer.step()
    dataset = along_training(problem, snapshots=snapshots, survey=partial(eigenvalues, tolerance=1e-8))
    sharpness = dataset.eigenvalue.sel(end="largest", rank=1)
    for step, found in zip(snapshots, sharpness.values, strict=True):
        a, b = (float(tensor) for tensor in snapshots[step].values())
        exact = np.linalg.eigvalsh([[2 * b * b, 4 * a * b - 2], [4 * a * b - 2, 2 * a * a]])[1]
        assert found == pytest.approx(exact, rel=1e-7)
    assert sharpness[0] > 2 / 0.25  # where it begins it cannot stay
    assert sharpness[-1] < 2 / 0.25


def test_bad_snapshots_are_refused(problem: Problem) -> None:
    with pytest.raises(ValueError, match="snapshots are missing"):
        along_training(problem, snapshots={}, survey=line)
    with pytest.raises(ValueError, match=r"the snapshot of epoch 3 .*0\.weight"):
        along_training(problem, snapshots={3: {}}, survey=line)
    path, others = ([nn.Linear(2, 2).state_dict() for _ in range(3)] for _ in range(2))
    network = Problem(nn.Linear(2, 2), nn.MSELoss(), {"train": (torch.ones(3, 2), torch.ones(3, 2))})
    with pytest.raises(ValueError, match="snapshots have no trajectory in common, since its axes differ"):
        along_training(
            network, snapshots=path, survey=partial(trajectory, snapshots=others, points=3, draws=1)
        )
