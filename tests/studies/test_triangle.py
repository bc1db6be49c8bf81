"""Training the bends of a surface: what moves, what is minimised, and what the run ends with."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn

from lossatlas.data import ImageData
from lossatlas.landscape import BezierTriangle, Problem, triangle
from lossatlas.models import MLP
from lossatlas.optim import L2
from lossatlas.seeds import generator
from lossatlas.studies import ArcLength, Classifier, TrainedNetwork, Triangle, UniformPosition


def network(data: ImageData, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return MLP([8], input_shape=data.shape, classes=data.classes)


@pytest.fixture
def make_triangle(data: ImageData, make_study: Callable[..., Classifier]) -> Callable[..., Triangle]:
    """Function from changed arguments to a surface between three perceptrons."""

    def make(**changed: Any) -> Triangle:
        shared = make_study()
        arguments = {
            "network": network(data),
            "data": data,
            "loss": shared.loss,
            "metrics": dict(shared.metrics.items()),
            "optimizer": partial(torch.optim.SGD, lr=0.1),
            "schedule": shared._schedule,
            "penalties": {},
            "seed": 0,
            "ends": [
                TrainedNetwork(f"run {seed}", network(data, seed).state_dict(), seed, dict, 1)
                for seed in (1, 2, 3)
            ],
            "curve": BezierTriangle(1),
            "objective": UniformPosition(),
        }
        return Triangle(**(arguments | changed))

    return make


def test_a_surface_begins_flat(make_triangle: Callable[..., Triangle]) -> None:
    study = make_triangle()
    members, ends = study.final_members(), [end.state for end in study.ends]
    for name in ends[0]:
        for k, end in zip((0, 3, 5), ends, strict=True):
            assert torch.equal(members[k][name], end[name])
        for k, (i, j) in {1: (0, 1), 2: (0, 2), 4: (1, 2)}.items():
            torch.testing.assert_close(members[k][name], (ends[i][name] + ends[j][name]) / 2)
    assert study.final_metrics()["bend_distance"] == pytest.approx(0, abs=1e-5)


def test_the_loss_of_a_step_is_that_at_the_place_drawn_for_it(
    data: ImageData, make_triangle: Callable[..., Triangle]
) -> None:
    study = make_triangle(penalties={"l2": L2(0.3)})
    study.bends.data += torch.randn(study.bends.shape, generator=torch.Generator().manual_seed(5))
    u, v, w = BezierTriangle(1).draw(generator(0, "t", 0))
    weights = (u * u, 2 * u * v, 2 * u * w, v * v, 2 * v * w, w * w)
    other, batch = network(data), data.batch(0, 0)
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            parts = [member[name] for member in study.final_members()]
            parameter.copy_(sum(c * part for c, part in zip(weights, parts, strict=True)))
        squares = sum(parameter.square().sum() for parameter in other.parameters())
        expected = nn.functional.cross_entropy(other(batch[0]), batch[1]) + 0.15 * squares
    torch.testing.assert_close(study.batch_loss(batch)[0], expected)


def test_training_moves_every_bend_lowers_the_surface_and_leaves_the_corners(
    data: ImageData, make_triangle: Callable[..., Triangle], make_trainer: Callable[..., Trainer]
) -> None:
    study = make_triangle()
    problem = Problem(network(data), nn.CrossEntropyLoss(), {"train": data.normalized("train")})
    before = triangle(problem, control_points=study.final_members(), side=5)
    bends = study.bends.detach().clone()
    make_trainer(max_epochs=10).fit(study)
    study.finish()
    members = study.final_members()
    after = triangle(problem, control_points=members, side=5)
    assert ((study.bends - bends).norm(dim=1) > 0.01).all()
    assert after.loss_mean.item() < before.loss_mean.item()
    for k, end in zip((0, 3, 5), study.ends, strict=True):
        assert all(torch.equal(members[k][name], tensor) for name, tensor in end.state.items())
    middle = [
        sum(c * m[name] for c, m in zip((1, 2, 2, 1, 2, 1), members, strict=True)) / 9 for name in members[0]
    ]
    for tensor, expected in zip(study.network.state_dict().values(), middle, strict=True):
        torch.testing.assert_close(tensor, expected)


def test_what_no_surface_is_is_refused(data: ImageData, make_triangle: Callable[..., Triangle]) -> None:
    with pytest.raises(ValueError, match="a triangle needs three ends, its corners, got 2"):
        make_triangle(ends=make_triangle().ends[:2])
    with pytest.raises(ValueError, match=r"bends=0 leaves nothing to train"):
        make_triangle(curve=BezierTriangle(0))
    with pytest.raises(ValueError, match="objective=ArcLength is of a curve"):
        make_triangle(objective=ArcLength())
