"""Elastic bands, on surfaces whose saddles are known and on small networks."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.testing import assert_close

from lossatlas.data import ImageData, synthetic_images
from lossatlas.landscape import ControlledCurve, Engine, PolygonalChain, Problem, evaluate
from lossatlas.models import MLP
from lossatlas.optim import L2, Constant, Muon, Plateau
from lossatlas.studies import (
    CalibrationError,
    Classifier,
    ElasticBand,
    ErrorRate,
    NegativeLogLikelihood,
    TrainedNetwork,
)

MakeTrainer = Callable[..., Trainer]
CLASSES = 4


class Particle(nn.Module):
    """Two coordinates, which it gives as the outputs for any image."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(2))

    def forward(self, images: Tensor) -> Tensor:
        return self.place.expand(len(images), 2)


def curved_valley(outputs: Tensor, targets: Tensor) -> Tensor:
    """(x**2 - 1)**2 + 5 (y - (1 - x**2))**2: minima of 0 at (-1, 0) and (1, 0), a saddle of 1 at (0, 1)."""
    x, y = outputs.T
    return ((x**2 - 1) ** 2 + 5 * (y - (1 - x**2)) ** 2).mean()


def mueller_brown(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mueller & Brown 1979 (doi:10.1007/BF00547608), over 100 and above its lowest minimum."""
    x, y = outputs.T
    total = torch.zeros_like(x)
    for height, a, b, c, x0, y0 in (
        (-200.0, -1.0, 0.0, -10.0, 1.0, 0.0),
        (-100.0, -1.0, 0.0, -10.0, 0.0, 0.5),
        (-170.0, -6.5, 11.0, -6.5, -0.5, 1.5),
        (15.0, 0.7, 0.6, 0.7, -1.0, 1.0),
    ):
        total = total + height * torch.exp(a * (x - x0) ** 2 + b * (x - x0) * (y - y0) + c * (y - y0) ** 2)
    return (total / 100 + 1.4670).mean()


def no_state() -> dict[str, Any]:
    raise AssertionError("a band does not ask for the ends' training state")


def end(name: str, seed: int, state: dict[str, Tensor]) -> TrainedNetwork:
    return TrainedNetwork(name=name, state=state, seed=seed, training_state=no_state, epochs=1)


def metrics() -> dict[str, Any]:
    return {
        "error": ErrorRate(CLASSES),
        "nll": NegativeLogLikelihood(),
        "calibration": CalibrationError(CLASSES),
    }


@pytest.fixture
def surface_band() -> Callable[..., ElasticBand]:
    """Function from a surface and its minima to a band of a particle between them."""
    data = synthetic_images(batch_size=1, shape=(1, 2, 2), classes=2, train=100, validation=0, test=2)

    def make(loss: Any, minima: list[list[float]], **changed: Any) -> ElasticBand:
        ends = [end(f"minimum {k}", k, {"place": torch.tensor(place)}) for k, place in enumerate(minima)]
        arguments: dict[str, Any] = {
            "ends": ends,
            "curve": PolygonalChain(bends=None),
            "cycles": [{"steps": 200}] * 3,
            "epochs": 6,
            "loss": loss,
            "metrics": {},
            "optimizer": partial(torch.optim.SGD, lr=0.02),
            "schedule": Constant(),
            "penalties": {},
            "seed": 0,
        }
        return ElasticBand(Particle(), data, **(arguments | changed))

    return make


@pytest.mark.parametrize("spring", [None, 1.0])
def test_it_finds_the_saddle_of_a_curved_valley(
    surface_band: Callable[..., ElasticBand], make_trainer: MakeTrainer, spring: float | None
) -> None:
    study = surface_band(curved_valley, [[-1.0, 0.0], [1.0, 0.0]], spring=spring)
    make_trainer(max_epochs=6).fit(study)
    study.finish()
    found = study.final_metrics()
    assert_close(study.network.place, torch.tensor([0.0, 1.0]), rtol=0, atol=0.02)
    assert found["saddle_loss"] == pytest.approx(1.0, abs=0.01)
    assert found["line_loss"] == pytest.approx(6.0, abs=0.01)  # at the origin
    assert found["barrier"] == pytest.approx(1.0, abs=0.01)
    assert found["end_distance"] == pytest.approx(2.0, rel=1e-6)
    # the parabola y = 1 - x**2 between -1 and 1
    assert found["length_ratio"] == pytest.approx((5**0.5 + np.arcsinh(2) / 2) / 2, rel=0.02)


def test_it_finds_the_highest_saddle_of_mueller_and_brown(
    surface_band: Callable[..., ElasticBand], make_trainer: MakeTrainer
) -> None:
    """Published: minima of -146.700 and -108.167, the higher saddle of -40.665 at (-0.822, 0.624)."""
    minima = [[-0.558224, 1.441726], [0.623499, 0.028038]]
    study = surface_band(
        mueller_brown,
        minima,
        pivots=11,
        cycles=[{"steps": 200}],
        epochs=2,
        optimizer=partial(torch.optim.SGD, lr=0.01),
    )
    make_trainer(max_epochs=2).fit(study)
    study.finish()
    found = study.final_metrics()
    assert found["saddle_loss"] == pytest.approx(
        1.4670 - 0.40665, abs=0.006
    )  # between pivots the chain cuts corners
    assert found["ends_loss"] == pytest.approx(1.4670 - 1.08167, abs=1e-4)
    assert_close(study.network.place, torch.tensor([-0.822, 0.624]), rtol=0, atol=0.06)


@pytest.fixture
def images() -> ImageData:
    """40 training images in five batches."""
    return synthetic_images(
        batch_size=8, shape=(1, 4, 4), classes=CLASSES, train=40, validation=13, test=29, noise=4.0
    )


def perceptron(data: ImageData, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return MLP([8], input_shape=data.shape, classes=CLASSES, batch_norm=True)


@pytest.fixture
def ends(images: ImageData, make_trainer: MakeTrainer) -> list[TrainedNetwork]:
    """Two trained perceptrons with batch norm."""
    found = []
    for seed in (1, 2):
        study = Classifier(
            perceptron(images, seed),
            images,
            loss=nn.CrossEntropyLoss(),
            metrics=metrics(),
            optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9),
            schedule=Constant(),
            penalties={},
            seed=seed,
        )
        make_trainer(max_epochs=10).fit(study)
        found.append(end(f"run {seed}", seed, study.network.state_dict()))
    return found


@pytest.fixture
def network_band(images: ImageData, ends: list[TrainedNetwork]) -> Callable[..., ElasticBand]:
    """Function from changed arguments to a band of 3 cycles between the two, of 5, 5 and 2 steps."""

    def make(**changed: Any) -> ElasticBand:
        arguments: dict[str, Any] = {
            "ends": ends,
            "curve": PolygonalChain(bends=None),
            "cycles": [{"steps": 5}, {"steps": 5, "factor": 0.5}, {"steps": 2, "factor": 0.1}],
            "epochs": 3,
            "positions": 3,
            "loss": nn.CrossEntropyLoss(),
            "metrics": metrics(),
            "optimizer": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
            "schedule": Constant(),
            "penalties": {"l2": L2(1e-3)},
            "seed": 0,
        }
        return ElasticBand(perceptron(images, 0), images, **(arguments | changed))

    return make


def test_a_step_moves_the_pivots_as_written_out_by_hand(
    network_band: Callable[..., ElasticBand], make_trainer: MakeTrainer, images: ImageData
) -> None:
    """One pivot, plain SGD: batch loss and penalty by autograd on a second network, projected by hand."""
    study = network_band(pivots=1, optimizer=partial(torch.optim.SGD, lr=0.1))
    make_trainer(max_steps=1, max_epochs=1).fit(study)
    inputs, targets = images.batch(0, 0)
    first, last = (_vector(each.state) for each in study.ends)
    middle = (first + last) / 2
    losses, gradients = zip(
        *(_loss_and_gradient(images, place, inputs, targets) for place in (first, middle, last)), strict=True
    )
    forward, back = last - middle, middle - first
    rises = losses[1] - losses[0], losses[2] - losses[1]
    assert rises[0] > 0 > rises[1]  # the middle of the line is its highest point
    sizes = sorted(abs(rise) for rise in rises)
    weights = (sizes[1], sizes[0]) if losses[2] > losses[0] else (sizes[0], sizes[1])
    tangent = weights[0] * forward + weights[1] * back
    tangent = tangent / tangent.norm()
    expected = middle - 0.1 * (gradients[1] - (gradients[1] @ tangent) * tangent)
    assert_close(study.band.points[1], expected, rtol=1e-4, atol=1e-6)


def _vector(state: Mapping[str, Tensor]) -> Tensor:
    return torch.cat(
        [state[name].flatten() for name in state if "running" not in name and "batches" not in name]
    )


def _loss_and_gradient(
    data: ImageData, place: Tensor, inputs: Tensor, targets: Tensor
) -> tuple[float, Tensor]:
    network = perceptron(data, 0).train()
    torch.nn.utils.vector_to_parameters(place.clone(), network.parameters())
    squares = sum(parameter.square().sum() for parameter in network.parameters())
    loss = nn.functional.cross_entropy(network(inputs), targets) + 0.5e-3 * squares
    loss.backward()
    gradient = torch.cat([p.grad.flatten() for p in network.parameters()])  # type: ignore[union-attr]
    return loss.item(), gradient


def test_what_is_measured_is_the_band_with_exact_statistics(
    network_band: Callable[..., ElasticBand], make_trainer: MakeTrainer, images: ImageData
) -> None:
    """Against `evaluate` along the chain of the members, from the outside."""
    study = network_band()
    make_trainer(max_epochs=3).fit(study)
    study.finish()
    found, members = study.final_metrics(), study.final_members()
    assert found["pivots"] == len(members) - 2
    assert 3 <= found["pivots"] <= 7
    problem = Problem(
        perceptron(images, 0),
        nn.CrossEntropyLoss(),
        {split: images.normalized(split) for split in images.splits},
    )
    curve = ControlledCurve(PolygonalChain(bends=None), members).of(problem.model)
    along = evaluate(problem, curve.grid(4 * (len(members) - 1) + 1), engine=Engine(evaluation="recompute"))
    assert found["saddle_loss"] == pytest.approx(float(along.loss.sel(split="train").max()), rel=1e-6)
    assert found["saddle_test_error"] == float(along.error.sel(split="test").max())
    assert found["curve_length"] == pytest.approx(curve.length(), rel=1e-6)
    line = ControlledCurve(PolygonalChain(bends=0), [members[0], members[-1]])
    straight = evaluate(problem, line.grid(along.sizes["t"]), engine=Engine(evaluation="recompute"))
    assert found["line_loss"] == pytest.approx(float(straight.loss.sel(split="train").max()), rel=1e-6)
    assert found["ends_loss"] == pytest.approx(
        float(straight.loss.sel(split="train")[[0, -1]].max()), rel=1e-6
    )
    assert found["ends_test_error"] == pytest.approx(float(straight.error.sel(split="test")[[0, -1]].mean()))
    assert found["train_loss"] == pytest.approx(found["saddle_loss"], rel=1e-5)  # the network is that point


def test_the_ends_are_the_first_and_the_last_member_to_the_last_bit(
    network_band: Callable[..., ElasticBand], make_trainer: MakeTrainer
) -> None:
    study = network_band()
    make_trainer(max_epochs=3).fit(study)
    first, *_, last = study.final_members()
    for member, expected in ((first, study.ends[0]), (last, study.ends[1])):
        assert all(torch.equal(member[name], tensor) for name, tensor in expected.state.items())


def test_a_member_has_the_statistics_of_the_training_data_at_its_weights(
    network_band: Callable[..., ElasticBand], images: ImageData
) -> None:
    study = network_band()
    study.finish()
    _, pivot, *_ = study.final_members()
    network = perceptron(images, 0)
    network.load_state_dict(pivot)
    inputs, _ = images.normalized("train")
    _, linear, normalisation, *_ = network.layers
    hidden = linear(inputs.flatten(1))
    assert_close(normalisation.running_mean, hidden.mean(0))
    assert_close(normalisation.running_var, hidden.var(0))


def test_cycles_have_their_rates_and_insert_pivots(
    network_band: Callable[..., ElasticBand], make_trainer: MakeTrainer
) -> None:
    study = network_band(threshold=0.0)
    make_trainer(max_epochs=3).fit(study)
    assert [row["lr"] for row in study.history[1:]] == pytest.approx([0.1, 0.05, 0.01])
    counts = [row["pivots"] for row in study.history[1:]]
    assert counts[0] == 3 < counts[1]
    assert all(0 <= more - before <= 2 for before, more in pairwise(counts))


def test_a_cycle_begins_without_momentum(
    network_band: Callable[..., ElasticBand], make_trainer: MakeTrainer
) -> None:
    """Two cycles of the same rate without insertions differ from one of both lengths by the momentum alone."""
    one, two, still = (
        _trained(
            network_band(insert=0, optimizer=partial(torch.optim.SGD, lr=0.1, momentum=momentum), **cycles),
            make_trainer,
        )
        for momentum, cycles in (
            (0.9, {"cycles": [{"steps": 10}], "epochs": 2}),
            (0.9, {"cycles": [{"steps": 5}, {"steps": 5}], "epochs": 2}),
            (0.0, {"cycles": [{"steps": 5}, {"steps": 5}], "epochs": 2}),
        )
    )
    assert not torch.equal(one, two)
    assert torch.equal(
        still,
        _trained(
            network_band(
                insert=0, cycles=[{"steps": 10}], epochs=2, optimizer=partial(torch.optim.SGD, lr=0.1)
            ),
            make_trainer,
        ),
    )


def _trained(study: ElasticBand, make_trainer: MakeTrainer) -> Tensor:
    make_trainer(max_epochs=2).fit(study)
    return study.band.points


class StoppedError(Exception):
    """Training was stopped."""


class StopAfter(Callback):
    """Saves the state after ``step`` steps and stops."""

    def __init__(self, step: int, path: Path) -> None:
        self._step, self._path = step, path

    def on_train_batch_end(self, trainer: Trainer, study: LightningModule, *_: Any) -> None:
        if study.global_step == self._step:
            trainer.save_checkpoint(self._path)
            raise StoppedError


@pytest.mark.parametrize("stop", [3, 5, 7, 10, 12])
def test_a_band_that_was_interrupted_ends_with_the_same_bits(
    network_band: Callable[..., ElasticBand], make_trainer: MakeTrainer, tmp_path: Path, stop: int
) -> None:
    """Within a cycle, where one begins, and after pivots have come; the cycles begin at steps 5 and 10."""
    whole = network_band(threshold=0.0)
    make_trainer(max_epochs=3).fit(whole)
    with pytest.raises(StoppedError):
        make_trainer(max_epochs=3, callbacks=[StopAfter(stop, tmp_path / "checkpoint")]).fit(
            network_band(threshold=0.0)
        )
    resumed = network_band(threshold=0.0)
    make_trainer(max_epochs=3).fit(resumed, ckpt_path=tmp_path / "checkpoint", weights_only=True)
    assert torch.equal(resumed.band.points, whole.band.points)
    assert len(resumed.band) > 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"epochs": 4},
            r"epochs must be 3, in the last of which the cycles' 12 steps end \(5 steps an epoch\), got 4",
        ),
        ({"cycles": []}, "cycles must be one or more"),
        ({"cycles": [{"steps": 0}]}, "a cycle needs steps >= 1 and a factor > 0, got 0 steps"),
        ({"pivots": 0}, "pivots must be >= 1, got 0"),
        ({"insert": -1}, "insert must be >= 0, got -1"),
        ({"positions": 0}, "positions must be >= 1, got 0"),
        ({"threshold": -0.5}, "threshold must be >= 0, got -0.5"),
        ({"spring": 0.0}, "spring must be positive, or null for one without end, got 0.0"),
        ({"snapshot_epochs": [1]}, r"expected snapshot_epochs=\[\], got \[1\]"),
        ({"curve": PolygonalChain(bends=1)}, "curve.bends must be null, .* got 1"),
        (
            {"schedule": Plateau("validation_loss")},
            "a band's rate is that of its cycles .* Plateau goes by a metric: type scheduler=constant",
        ),
        (
            {"optimizer": partial(torch.optim.SGD, lr=0.1, weight_decay=0.01)},
            "optimizer.weight_decay=0.01 would act along the band as well as across it: type optimizer.weight_decay=0",
        ),
    ],
)
def test_what_makes_no_band_is_refused_before_training(
    network_band: Callable[..., ElasticBand], changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        network_band(**changed)


def test_pivots_are_no_matrix_of_muons(
    network_band: Callable[..., ElasticBand], make_trainer: MakeTrainer
) -> None:
    with pytest.raises(
        ValueError, match="ElasticBand is not trained by Muon: a pivot is a row of all weights"
    ):
        make_trainer(max_epochs=3).fit(network_band(optimizer=partial(Muon, lr=0.01)))


def test_ends_of_one_seed_or_another_number_are_refused(network_band: Callable[..., ElasticBand]) -> None:
    one, other = network_band().ends
    same = end("another", one.seed, dict(other.state))
    with pytest.raises(ValueError, match="ends with the same seed=1"):
        network_band(ends=[one, same])
    with pytest.raises(ValueError, match="a band has two ends, got 3"):
        network_band(ends=[one, other, end("third", 3, dict(other.state))])
