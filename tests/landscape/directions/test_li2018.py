"""The convention of Li et al.'s code against a naive transcription of its rules, tensor after tensor."""

import copy
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Problem, interpolation, line, parameters, random_direction, surface


def moving(model: nn.Module, statistics: bool) -> list[Tensor]:
    """What moves, in their order: the parameters ("weights") or the whole state dict ("states")."""
    return list(model.state_dict().values()) if statistics else [tensor.data for tensor in model.parameters()]


def rescaled(drawn: Tensor, weights: Tensor, normalize: str, ignore: str) -> Tensor:
    """One tensor of a direction by their rules, with numpy."""
    d, w = drawn.numpy().copy(), weights.numpy()
    if d.ndim <= 1:
        return torch.tensor(np.zeros_like(d) if ignore == "biasbn" else w.astype(np.float32))
    if normalize == "filter":
        for i in range(len(d)):
            d[i] *= np.linalg.norm(w[i].ravel()) / (np.linalg.norm(d[i].ravel()) + 1e-10)
    if normalize == "layer":
        d *= np.linalg.norm(w.ravel()) / np.linalg.norm(d.ravel())
    if normalize == "weight":
        d *= w
    return torch.from_numpy(d)


def their_directions(
    model: nn.Module, statistics: bool, normalize: str, ignore: str, number: int, seed: int = 123
) -> list[list[Tensor]]:
    tensors = moving(model, statistics)
    torch.manual_seed(seed)
    drawn = [[torch.randn(tensor.size()) for tensor in tensors] for _ in range(number)]
    return [[rescaled(d, w, normalize, ignore) for d, w in zip(one, tensors, strict=True)] for one in drawn]


@torch.no_grad()
def their_point(
    problem: Problem, statistics: bool, directions: Sequence[Sequence[Tensor]], step: Sequence[float]
) -> tuple[float, float]:
    """Loss and accuracy in percent on the training split, at a point."""
    moved = copy.deepcopy(problem.model).eval()
    for k, tensor in enumerate(moving(moved, statistics)):
        change = sum(direction[k] * a for direction, a in zip(directions, step, strict=True))
        tensor.add_(change.to(tensor.dtype))
    inputs, targets = problem.data["train"]
    outputs = moved(inputs)
    loss = nn.functional.cross_entropy(outputs, targets).item()
    return loss, 100.0 * (outputs.argmax(1) == targets).sum().item() / len(targets)


CASES = list(product(["filter", "layer", "weight", "none"], ["biasbn", "none"], [False, True]))


@pytest.mark.parametrize(("normalize", "ignore", "statistics"), CASES)
def test_a_surface_has_the_numbers_of_their_code(
    problem: Problem, normalize: str, ignore: str, statistics: bool
) -> None:
    dataset = surface(
        problem,
        points=5,
        normalize=normalize,
        ignore=ignore,
        statistics=statistics,
        convention="li2018",
        splits=["train"],
    )
    along = their_directions(problem.model, statistics, normalize, ignore, 2)
    for b, a in product(dataset.y.values, dataset.x.values):
        loss, accuracy = their_point(problem, statistics, along, (a, b))
        point = dataset.sel(split="train", y=b, x=a)
        np.testing.assert_allclose(point.loss, loss, rtol=1e-5)
        assert 100 * (1 - float(point.error)) == pytest.approx(accuracy)


@pytest.mark.parametrize(("normalize", "ignore", "statistics"), CASES)
def test_lines_have_the_numbers_of_their_code(
    problem: Problem, normalize: str, ignore: str, statistics: bool
) -> None:
    dataset = line(
        problem,
        directions=3,
        points=5,
        seed=7,
        normalize=normalize,
        ignore=ignore,
        statistics=statistics,
        convention="li2018",
    )
    directions = their_directions(problem.model, statistics, normalize, ignore, 3, seed=7)
    for k, direction in enumerate(directions):
        losses = [their_point(problem, statistics, [direction], [a])[0] for a in dataset.alpha.values]
        np.testing.assert_allclose(dataset.loss.sel(direction=k, split="train"), losses, rtol=1e-5)


def test_negative_variances_give_nan_in_their_convention_and_are_clamped_in_ours(problem: Problem) -> None:
    """Their direction of a variance is the variance: at x = y = -1 it is minus itself."""
    theirs, ours = (
        surface(problem, points=3, ignore="none", statistics=True, extent=1.5, convention=convention)
        for convention in ("li2018", "lossatlas")
    )
    assert np.isnan(theirs.loss.sel(x=-1.5, y=-1.5)).all()
    assert np.isfinite(theirs.loss.sel(x=0, y=0)).all()
    assert theirs.not_finite > 0
    assert np.isfinite(ours.loss).all()


def test_interpolated_states_keep_variances_below_zero(problem: Problem, other_network: nn.Module) -> None:
    """v + alpha (v2 - v) over the state dict, as in their direction between two networks."""
    dataset = interpolation(
        problem, other=other_network.state_dict(), low=-2, high=2, points=9, convention="li2018"
    )
    own, other = (moving(network, True) for network in (problem.model, other_network))
    towards = [b - a for a, b in zip(own, other, strict=True)]
    losses = [their_point(problem, True, [towards], [alpha])[0] for alpha in dataset.alpha.values]
    assert 0 < np.isnan(losses).sum() < 9
    np.testing.assert_allclose(dataset.loss.sel(split="train"), losses, rtol=2e-5)
    assert dataset.clamped_variances == 0


def test_where_nothing_else_moves_both_conventions_rescale_alike(network: nn.Module) -> None:
    """On the same draw the rules differ only for tensors of one dimension."""
    weights = parameters(network)
    ours, theirs = (
        random_direction(weights, seed=3, normalize="none", ignore="none", convention=convention)
        for convention in ("lossatlas", "li2018")
    )
    assert torch.equal(theirs["1.weight"], weights["1.weight"])
    assert not torch.equal(ours["1.weight"], weights["1.weight"])
    assert not torch.equal(ours["0.weight"], theirs["0.weight"])


def test_directions_follow_each_other_in_one_stream_of_draws() -> None:
    weights = {"w": torch.ones(3, 2), "b": torch.ones(3)}
    torch.manual_seed(5)
    for index in range(3):
        expected = torch.randn(3, 2)
        torch.randn(3)
        drawn = random_direction(weights, seed=5, index=index, normalize="none", convention="li2018")
        assert torch.equal(drawn["w"], expected)


def test_an_unknown_convention_is_named_with_the_known_ones(problem: Problem) -> None:
    message = r"unknown convention 'li2017', expected one of lossatlas, li2018 \(did you mean li2018\?\)"
    with pytest.raises(ValueError, match=message):
        surface(problem, convention="li2017")
    with pytest.raises(ValueError, match=message):
        interpolation(problem, other=problem.model.state_dict(), convention="li2017")
