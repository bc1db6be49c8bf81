"""What the times say lies with the machine; what is timed, and what is left behind, does not."""

import importlib
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn
from torch.optim import LBFGS, SGD, Optimizer

from lossatlas.landscape import Problem, step_time
from lossatlas.optim import Newton
from lossatlas.optim.distancing import RBF, Away, Distance, DistanceForce, EachCheckpoint, Sigma

optimizer = partial(SGD, lr=0.01, momentum=0.9)


def pushing(**distance: bool) -> DistanceForce:
    return DistanceForce(
        RBF(),
        Sigma(2.0),
        1.0,
        distance=Distance(**distance),
        merging=EachCheckpoint(),
        push=Away(),
    )


def small(examples: int = 20) -> Problem:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).eval()
    data = {"train": (torch.randn(examples, 4), torch.arange(examples) % 3)}
    return Problem(network, nn.CrossEntropyLoss(), data)


def measured(problem: Problem, **changes: object) -> xr.Dataset:
    settings = {"checkpoints": [0, 1, 4], "batch_size": 8, "steps": 2, "rounds": 3, **changes}
    return step_time(problem, force=pushing(), optimizer=optimizer, **settings)  # type: ignore[arg-type]


def test_all_ways_and_numbers_of_checkpoints_are_measured_in_each_round() -> None:
    dataset = measured(small())
    assert dataset.round_seconds.dims == ("round", "way", "checkpoints")
    assert dataset.round_seconds.shape == (3, 2, 3)
    assert (dataset.round_seconds > 0).all()
    assert dataset.checkpoints.values.tolist() == [0, 1, 4]
    assert dataset.way.values.tolist() == ["closed_form", "autograd"]


def test_medians_are_over_rounds_and_relative_to_the_same_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the second round the second of the four comes first, and so on."""
    seconds = iter([1.0, 2.0, 4.0, 4.0, *(2.5, 4.0, 8.0, 2.0), *(1.0, 3.0, 9.0, 27.0)])
    module = importlib.import_module("lossatlas.landscape.step_timing")  # the name is the function's too
    monkeypatch.setattr(module, "seconds_of", lambda thing, **_: next(seconds))
    dataset = measured(small(), checkpoints=[0, 5])
    np.testing.assert_allclose(dataset.seconds, [[2.0, 2.5], [4.0, 4.0]])
    np.testing.assert_allclose(dataset.relative, [[1.0, 2.0], [1.0, 2.0]])
    np.testing.assert_allclose(dataset.epoch_seconds, 3 * dataset.seconds)  # 20 examples by 8


def test_a_step_forces_with_the_checkpoints_and_steps_the_optimizer_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    centres: list[int] = []
    call = DistanceForce.__call__

    def counted(force: DistanceForce, layout: object, here: object, held: list[object]) -> object:
        centres.append(len(held))
        return call(force, layout, here, held)  # type: ignore[arg-type]

    monkeypatch.setattr(DistanceForce, "__call__", counted)
    measured(small(), ways=["closed_form"], checkpoints=[0, 1, 4], rounds=1)
    assert sorted(centres) == [1] * 3 + [4] * 3  # once unmeasured and twice, and never without


def test_a_step_is_in_training_mode_on_the_first_images_of_the_split() -> None:
    seen: list[tuple[bool, Tensor]] = []

    class Noting(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            seen.append((self.training, inputs))
            return super().forward(inputs)

    inputs = torch.randn(20, 4)
    problem = Problem(Noting(4, 3), nn.CrossEntropyLoss(), {"train": (inputs, torch.arange(20) % 3)})
    measured(problem, rounds=1)
    assert all(training and torch.equal(batch, inputs[:8]) for training, batch in seen)


def test_the_network_is_left_as_it_was_and_so_is_its_mode() -> None:
    problem = small()
    before = {name: tensor.clone() for name, tensor in problem.model.state_dict().items()}
    measured(problem)
    assert not problem.model.training
    assert all(parameter.grad is None for parameter in problem.model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in problem.model.state_dict().items())


def test_it_works_inside_inference_mode_as_hooks_of_lightning_run_under_it() -> None:
    problem = small()
    with torch.inference_mode():
        assert (measured(problem, rounds=1).seconds > 0).all()


def test_the_attributes_tell_what_the_times_depend_on() -> None:
    threads = torch.get_num_threads()
    attributes = measured(small()).attrs
    assert attributes["threads"] == threads
    assert attributes["device"]
    assert (attributes["batch_size"], attributes["steps"], attributes["rounds"]) == (8, 2, 3)
    assert (attributes["parameters"], attributes["tensors"]) == (4 * 8 + 8 + 8 + 8 + 8 * 3 + 3, 6)


def test_the_clock_of_the_processor_stands_still_while_others_have_it() -> None:
    class Waits(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            time.sleep(0.01)
            return super().forward(inputs)

    problem = Problem(
        Waits(4, 3), nn.CrossEntropyLoss(), {"train": (torch.randn(20, 4), torch.arange(20) % 3)}
    )
    wall, processor = (measured(problem, clock=clock, rounds=1) for clock in ("wall", "processor"))
    assert wall.seconds.min() >= 0.01 > processor.seconds.min()


def test_an_interrupted_survey_keeps_its_rounds(tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 12:
            raise EnoughError

    with pytest.raises(EnoughError):
        measured(small(), journal=tmp_path / "j", progress=stop)
    done = [line for line in (tmp_path / "j").read_text().splitlines()[1:] if line]
    resumed = measured(small(), journal=tmp_path / "j")
    first = resumed.round_seconds.values[0].flatten().tolist()
    second = resumed.round_seconds.values[1].flatten().tolist()
    kept = [*first, *second[1:], second[0]]  # as each round begins with another
    assert [json.loads(line)["values"] for line in done] == [[value] for value in kept]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"rounds": 0}, "rounds must be >= 1, got 0"),
        ({"batch_size": 0}, "batch_size must be >= 1, got 0"),
        (
            {"ways": ["closed_from"]},
            r"unknown way 'closed_from', expected one of .* \(did you mean closed_form\?",
        ),
        ({"ways": []}, r"ways must be different ones of closed_form, autograd, got \[\]"),
        ({"checkpoints": [1, 2]}, r"checkpoints must be different numbers, 0 among them, got \[1, 2\]"),
        ({"checkpoints": [0, 2, 2]}, r"checkpoints must be different numbers, 0 among them, got \[0, 2, 2\]"),
        ({"clock": "sun"}, "unknown clock 'sun', expected one of wall, processor"),
        ({"split": "tran"}, "unknown split 'tran', the data has train"),
    ],
)
def test_bad_options_are_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        measured(small(), **changes)


def test_a_force_by_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="the force must be of the whole network, not per layer"):
        step_time(small(), force=pushing(per_layer=True), optimizer=optimizer, batch_size=4)


def test_an_optimizer_that_evaluates_the_loss_is_refused_where_checkpoints_push() -> None:
    with pytest.raises(
        ValueError, match=r"optimizer: LBFGS evaluates the loss itself; expected checkpoints=\[0\]"
    ):
        step_time(small(), force=pushing(), optimizer=LBFGS, batch_size=4)


@pytest.mark.parametrize(("make", "passes"), [(partial(LBFGS, max_iter=3, max_eval=100), 3), (Newton, 2)])
def test_without_checkpoints_it_is_timed_with_all_its_passes(
    make: Callable[..., Optimizer], passes: int
) -> None:
    """Of which L-BFGS has one an iteration, and Newton's method one more, which it differentiates."""
    seen: list[Tensor] = []

    class Noting(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            seen.append(self.weight.detach().clone())
            return super().forward(inputs)

    data = {"train": (torch.randn(20, 4), torch.arange(20) % 3)}
    problem = Problem(Noting(4, 3), nn.CrossEntropyLoss(), data)
    timed = {"ways": ["autograd"], "checkpoints": [0], "batch_size": 20, "steps": 2, "rounds": 1}
    dataset = step_time(problem, force=pushing(), optimizer=make, **timed)  # type: ignore[arg-type]
    assert dataset.seconds.item() > 0
    assert len(seen) == 3 * passes  # once unmeasured, and twice
    assert not torch.equal(seen[0], seen[-1])
