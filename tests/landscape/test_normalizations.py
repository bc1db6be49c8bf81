"""Every kind of normalisation under the surveys: a table of kinds and of what is asked of each."""

import copy
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils import parametrize

from lossatlas.landscape import (
    Engine,
    Problem,
    RandomDirections,
    aligned,
    interpolation,
    jacobian,
    random_direction,
    sharpness,
    surface,
    weights,
)
from lossatlas.landscape.alignment import permuted, random_orders, unit_groups
from lossatlas.landscape.curvature.operators import Hessian
from lossatlas.landscape.flatness.rescaling import rescaled
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.shapes.sequences import Networks
from lossatlas.models import (
    batch_normalization,
    group_normalization,
    instance_normalization,
    layer_normalization,
    network_deconvolution,
    no_normalization,
    rms_normalization,
    spectral_normalization,
    weight_normalization,
    weight_standardization,
)
from lossatlas.normalizations import standardized_weights
from lossatlas.weight_space import acting_weights, flatten, parameters, state, unflatten

KINDS: dict[str, Callable[[nn.Module], None]] = {
    "batch": batch_normalization,
    "layer": layer_normalization,
    "group": partial(group_normalization, groups=2),
    "instance": instance_normalization,
    "rms": rms_normalization,
    "none": no_normalization,
    "none at all": partial(no_normalization, bias=False),
    "weight norm": weight_normalization,
    "weight norm and batch": partial(weight_normalization, layers=None),
    "weight standardisation": partial(weight_standardization, layers=partial(group_normalization, groups=2)),
    "spectral norm": spectral_normalization,
    "deconvolution": partial(network_deconvolution, iterations=8, eps=1e-2, stride=1),
}
UPON_WEIGHTS = ["weight norm", "weight norm and batch", "weight standardisation", "spectral norm"]
KEEP_STATISTICS = ["batch", "weight norm and batch", "deconvolution"]
EACH = pytest.mark.parametrize("kind", KINDS)


def plain() -> nn.Sequential:
    """Convolutions, one of them of each channel by itself, and linear layers, with a smooth activation."""
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), nn.BatchNorm2d(4), nn.Tanh()),
        *(nn.Conv2d(4, 6, 1, bias=False), nn.BatchNorm2d(6), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(24, 5), nn.Tanh(), nn.Linear(5, 3)),
    )


def images(count: int = 24, seed: int = 0) -> Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2, 8, 8, generator=draws, dtype=torch.float64)


def trained(kind: str, seed: int = 0) -> nn.Module:
    """A network of that kind whose parameters are where training might have brought them, with statistics."""
    torch.manual_seed(seed)
    network = plain()
    KINDS[kind](network)
    network = network.double()
    draws = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        noise = torch.randn(parameter.shape, generator=draws, dtype=torch.float64)
        parameter.data += 0.3 * noise + 0.1
    with torch.no_grad():
        for _ in range(3):
            network.train()(images())
    return with_exact_vectors(network)


def with_exact_vectors(network: nn.Module) -> nn.Module:
    """Evaluation mode, with spectral norm's power method at its end."""
    for part in network.modules():
        if isinstance(part, parametrize.ParametrizationList):
            for _ in range(500):
                part.train()()
    return network.eval()


def problem(network: nn.Module) -> Problem:
    targets = torch.arange(24) % 3
    return Problem(
        network, nn.CrossEntropyLoss(), {"train": (images(), targets), "test": (images(24, 1), targets)}
    )


@EACH
def test_a_surface_is_the_same_with_and_without_fused_layers(kind: str) -> None:
    network = trained(kind)
    fused, unfused = (
        surface(problem(network), points=3, extent=0.3, engine=Engine(fuse=fuse)) for fuse in (True, False)
    )
    assert (fused.attrs["forward"], unfused.attrs["forward"]) == ("fused", "module")
    np.testing.assert_allclose(fused.loss, unfused.loss, rtol=1e-9)


@EACH
@torch.no_grad()
def test_recomputed_statistics_are_those_of_the_split_and_only_of_what_keeps_any(kind: str) -> None:
    network = trained(kind)
    inputs, targets = images(), torch.arange(24) % 3
    with_batch = functional.cross_entropy(copy.deepcopy(network).train()(inputs), targets).item()
    centre = Networks([state(network)], "network", "number")
    found = {
        evaluation: evaluate(
            problem(network), centre, splits=["train"], engine=Engine(evaluation=evaluation, batch_size=24)
        ).loss.item()
        for evaluation in ("eval", "recompute")
    }
    bessel = kind in ("batch", "weight norm and batch")  # torch keeps the unbiased variance
    assert found["recompute"] == pytest.approx(with_batch, rel=2e-2 if bessel else 1e-9)
    assert (abs(found["eval"] - found["recompute"]) > 1e-4) == (kind in KEEP_STATISTICS)


@EACH
def test_a_network_with_its_units_in_another_order_computes_the_same(kind: str) -> None:
    network = trained(kind)
    groups = unit_groups(network)
    sizes = sorted(group.size for group in groups)
    apart = kind in ("group", "weight standardisation")  # two groups of each layer's channels
    assert sizes == ([2, 2, 3, 3, 5] if apart else [4, 5, 6])
    shuffled = permuted(state(network), groups, random_orders(groups, 3))
    assert any(not torch.equal(shuffled[name], tensor) for name, tensor in state(network).items())
    torch.testing.assert_close(functional_call(network, shuffled, images()), network(images()))


@EACH
def test_a_copy_whose_units_are_in_another_order_is_no_farther_away_once_it_is_aligned(kind: str) -> None:
    dataset = aligned(problem(trained(kind)), points=2, splits=["train"])
    np.testing.assert_allclose(dataset.loss, dataset.loss.values.flat[0], rtol=1e-9)  # all of one function
    before, after = dataset.distance.values
    assert after < before


@EACH
def test_products_of_the_hessian_are_differences_of_gradients(kind: str) -> None:
    network = trained(kind)
    own = problem(network)
    inputs, targets = own.data["train"]
    like = parameters(network)
    vector = torch.randn(len(flatten(like)), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    vector /= vector.norm()
    with prepared(own, splits=["train"]) as ready:
        product = Hessian(ready, "train")(vector)

    def gradient(step: float) -> Tensor:
        moved = copy.deepcopy(network)
        for name, part in unflatten(step * vector, like).items():
            moved.get_parameter(name).data += part
        functional.cross_entropy(with_exact_vectors(moved)(inputs), targets).backward()
        return torch.cat([parameter.grad.flatten() for parameter in moved.parameters()])  # type: ignore[union-attr]

    step = 1e-4
    expected = (gradient(step) - gradient(-step)) / (2 * step)
    torch.testing.assert_close(product, expected, rtol=1e-4, atol=1e-5 * expected.norm().item())


@EACH
def test_between_two_networks_the_ends_are_the_networks(kind: str) -> None:
    network, other = trained(kind), trained(kind, seed=1)
    dataset = interpolation(
        problem(network), other=other.state_dict(), low=0.0, high=1.0, points=3, splits=["train"]
    )
    targets = torch.arange(24) % 3
    for alpha, end in enumerate((network, other)):
        loss = functional.cross_entropy(end(images()), targets).item()
        assert dataset.loss.squeeze().sel(alpha=alpha).item() == pytest.approx(loss, rel=1e-6)
    assert np.isfinite(dataset.loss).all()


@EACH
def test_a_twin_computes_the_same_or_is_refused(kind: str) -> None:
    network = trained(kind)
    if kind != "batch":
        with pytest.raises(ValueError, match="has no layer whose scale is undone by what follows"):
            rescaled(network, 3.0, layers="all")
        return
    twin = rescaled(network, 3.0, layers="all")
    torch.testing.assert_close(functional_call(network, twin, images()), network(images()))


@EACH
def test_the_surveys_of_one_network_are_finite_and_leave_it_as_it_was(kind: str) -> None:
    network = trained(kind)
    before = copy.deepcopy(network.state_dict())
    own = problem(network)
    for dataset in (
        sharpness(own, iterations=1, epsilons=[1e-3]),
        jacobian(own, examples=4, splits=["train"]),
        weights(own, bins=5),
    ):
        for name, values in dataset.data_vars.items():
            if values.dtype.kind == "f":
                assert np.isfinite(values).all(), name
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def acting_change(network: nn.Module, direction: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Filters of the weights that act, and their derivatives along ``direction``: (filters, entries) of each weight."""
    step = 1e-6

    def at(distance: float) -> dict[str, Tensor]:
        moved = copy.deepcopy(network)
        for name, part in direction.items():
            moved.get_parameter(name).data += distance * part
        return acting_weights(moved)

    ahead, behind = at(step), at(-step)
    return {
        name: (tensor.flatten(1), ((ahead[name] - behind[name]) / (2 * step)).flatten(1))
        for name, tensor in acting_weights(network).items()
        if tensor.ndim > 1
    }


@EACH
def test_along_a_filter_normalised_direction_each_filter_that_acts_moves_by_its_own_norm(kind: str) -> None:
    """But for the part along itself, where a parametrization fixes the length; the means count nowhere."""
    network = trained(kind)
    [direction] = RandomDirections(seed=0).of(problem(network)).take(1)
    if (
        kind == "spectral norm"
    ):  # whose singular value moves with all filters: as drawn, before it is divided by
        pairs = {
            n: (network.get_parameter(n).flatten(1), d.flatten(1)) for n, d in direction.items() if d.any()
        }
    else:
        pairs = acting_change(network, direction)
    fixed_length = {
        name.removesuffix(".weight")
        for name in pairs
        if parametrize.is_parametrized(network.get_submodule(name.rpartition(".")[0]))
    }
    seen = 0
    for name, (filters, change) in pairs.items():
        along = (filters * change).sum(1) / filters.norm(dim=1)
        if name.removesuffix(".weight") in fixed_length and kind != "spectral norm":
            torch.testing.assert_close(along, torch.zeros_like(along), atol=1e-6, rtol=0)
            drawn = direction_of_filters(network, direction, name)
            cosine = functional.cosine_similarity(filters, drawn, dim=1)
            expected = filters.norm(dim=1) * (1 - cosine**2).sqrt()
        else:
            expected = filters.norm(dim=1)
        torch.testing.assert_close(change.norm(dim=1), expected, rtol=1e-5, atol=1e-7)
        seen += len(filters)
    assert seen == 4 + 4 + 6 + 5 + 3


def direction_of_filters(network: nn.Module, direction: dict[str, Tensor], name: str) -> Tensor:
    path = name.rpartition(".")[0]
    names = (f"{path}.parametrizations.weight.original{suffix}" for suffix in ("1", ""))
    return next(direction[each] for each in names if each in direction).flatten(1)


@pytest.mark.parametrize("kind", UPON_WEIGHTS)
@torch.no_grad()
def test_what_a_parametrization_does_not_see_does_not_change_how_far_its_filters_move(kind: str) -> None:
    """The scale of v, the mean and the scale of a standardised filter: the function is the same, and so is the step."""
    network = trained(kind)
    twin = copy.deepcopy(network)
    factors = {"weight standardisation": 7.0}.get(kind, 5.0)
    for name, parameter in twin.named_parameters():
        if name.endswith(("original1", "original")):
            parameter.mul_(factors)
            if kind == "weight standardisation":
                parameter.add_(torch.arange(1.0, 1 + len(parameter)).view(-1, *[1] * (parameter.ndim - 1)))
    torch.testing.assert_close(twin(images()), network(images()), rtol=1e-4, atol=1e-6)
    along = [RandomDirections(seed=0).of(problem(each)).take(1)[0] for each in (network, twin)]
    moved = []
    for each, direction in zip((network, twin), along, strict=True):
        step = {name: parameters(each)[name] + 0.1 * part for name, part in direction.items()}
        moved.append(functional_call(each, step, images()))
    torch.testing.assert_close(*moved, rtol=1e-3, atol=1e-4)


def test_the_lengths_and_covariances_stay_where_biases_do() -> None:
    for kind in ("weight norm", "deconvolution"):
        own = problem(trained(kind))
        [direction] = RandomDirections(seed=0, statistics=True).of(own).take(1)
        still = [
            n for n in direction if n.endswith(("original0", "bias", "running_covariance", "running_mean"))
        ]
        assert still
        assert not any(direction[name].any() for name in still)
    with pytest.raises(ValueError, match=r"statistics move .* '0.running_covariance' is a covariance"):
        RandomDirections(seed=0, statistics=True, ignore="none").of(own)


def test_the_mean_of_a_standardised_filter_counts_in_no_norm() -> None:
    network = trained("weight standardisation")
    names = standardized_weights(network)
    assert len(names) == 4
    own = parameters(network)
    direction = random_direction(own, seed=0, standardized=names)
    for name in names:
        torch.testing.assert_close(
            direction[name].flatten(1).norm(dim=1),
            own[name].flatten(1).var(1, correction=0).sqrt() * own[name][0].numel() ** 0.5,
        )
        assert direction[name].flatten(1).mean(1).abs().max() < 1e-12


@pytest.mark.parametrize("kind", ["weight norm", "spectral norm", "weight standardisation"])
def test_the_weights_that_are_surveyed_are_those_that_act(kind: str) -> None:
    network = trained(kind)
    dataset = weights(problem(network), bins=5)
    with torch.no_grad():
        norms = {
            f"{path}.weight": module.weight.norm().item()
            for path, module in network.named_modules()
            if isinstance(module, (nn.Conv2d, nn.Linear))
        }
    found = dict(zip(dataset.parameter.values, dataset.parameter_norm.values, strict=True))
    assert {name: found[name] for name in norms} == pytest.approx(norms, rel=1e-6)
    assert not any("original" in name for name in found)
