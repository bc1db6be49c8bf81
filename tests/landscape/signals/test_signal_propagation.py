from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from lossatlas.landscape import Engine, Problem, signal_propagation

X = torch.randn(11, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
Y = torch.randn(11, 2, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


def of(model: nn.Module, inputs: Tensor = X, targets: Tensor = Y) -> Problem:
    return Problem(model.double(), nn.MSELoss(), {"train": (inputs, targets)})


def test_a_deep_linear_network_has_the_moments_and_the_gradients_of_its_matrices() -> None:
    """7 does not divide 11: neither a mean of batch variances nor one of batch gradients would do."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 2, bias=False)).double()
    first, second = (layer.weight.detach().numpy() for layer in model)
    dataset = signal_propagation(of(model), engine=Engine(batch_size=7))

    hidden, outputs = X.numpy() @ first.T, X.numpy() @ first.T @ second.T
    sent = outputs - Y.numpy()  # 2 (f - y) / 2: the loss is a mean over two outputs
    errors = [sent @ second, sent]
    gradients = [errors[0].T @ X.numpy() / 11, errors[1].T @ hidden / 11]
    for place, signal in enumerate([hidden, outputs]):
        layer = dataset.isel(split=0, layer=place)
        np.testing.assert_allclose(layer["mean"], signal.mean(), rtol=1e-12)
        np.testing.assert_allclose(layer.variance, signal.var(), rtol=1e-12)
        rms = np.sqrt((errors[place] ** 2).sum(1).mean())
        np.testing.assert_allclose(layer.backpropagated_norm, rms, rtol=1e-12)
        np.testing.assert_allclose(layer.gradient_norm, np.linalg.norm(gradients[place]), rtol=1e-12)
    total = np.sqrt(sum((g**2).sum() for g in gradients))
    np.testing.assert_allclose(dataset.total_gradient_norm, [total], rtol=1e-12)


def test_orthogonal_layers_keep_the_signal_both_ways_and_halved_ones_halve_it() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(6))).double()
    x = torch.randn(500, 4, dtype=torch.float64)
    centred = x - x.mean(0)
    for factor in (1.0, 0.5):
        for layer in model:
            nn.init.orthogonal_(layer.weight, gain=factor)  # type: ignore[arg-type]
        dataset = signal_propagation(of(model, centred, torch.zeros_like(x))).isel(split=0)
        np.testing.assert_allclose(dataset.variance[1:] / dataset.variance[:-1].values, factor**2, rtol=1e-9)
        norms = dataset.backpropagated_norm
        np.testing.assert_allclose(norms[:-1].values / norms[1:], factor, rtol=1e-9)


def test_what_changes_its_input_in_place_does_not_change_what_was_heard_before() -> None:
    torch.manual_seed(0)
    parts = [nn.Flatten(), nn.Linear(3, 5), nn.ReLU(inplace=True), nn.Linear(5, 2)]
    for_itself = nn.Sequential(parts[0], parts[1], nn.ReLU(), parts[3])
    found, expected = (signal_propagation(of(model)) for model in (nn.Sequential(*parts), for_itself))
    assert found.drop_attrs().equals(expected.drop_attrs())
    assert np.isnan(found.backpropagated_norm[0, 0])  # of the inputs, which depend on no parameter
    assert np.isnan(found.gradient_norm[0, [0, 2]]).all()
    assert (found.variance[0, 1] > found.variance[0, 2]).item()


class Twice(nn.Module):
    """A layer that is called twice, a parameter of the network's own, and a part that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.inner = nn.Linear(3, 3)
        self.head = parametrizations.weight_norm(nn.Linear(3, 2))
        self.unused = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(torch.relu(self.inner(self.scale * x))))


def test_each_call_is_a_layer_and_each_parameter_belongs_to_one() -> None:
    torch.manual_seed(0)
    model = Twice()
    dataset = signal_propagation(of(model)).isel(split=0)
    assert dataset.layer.values.tolist() == ["inner", "inner#2", "head", "Twice"]
    assert np.isnan(dataset.gradient_norm.sel(layer="inner#2"))
    whole = model.double()
    nn.functional.mse_loss(whole(X), Y).backward()
    squares = {
        name: p.grad.square().sum().item() for name, p in whole.named_parameters() if p.grad is not None
    }
    head = [square for name, square in squares.items() if name.startswith("head")]
    assert len(head) == 3  # bias, norms and directions
    np.testing.assert_allclose(dataset.gradient_norm.sel(layer="head"), sum(head) ** 0.5, rtol=1e-9)
    np.testing.assert_allclose(dataset.gradient_norm.sel(layer="Twice"), squares["scale"] ** 0.5, rtol=1e-9)
    np.testing.assert_allclose(dataset.total_gradient_norm, sum(squares.values()) ** 0.5, rtol=1e-9)


def test_layers_are_chosen_by_name_class_and_pattern(problem: Problem) -> None:
    whole = signal_propagation(problem)
    assert whole.sizes == {"split": 2, "layer": 10}
    some = signal_propagation(problem, layers=["Conv*", "9"], splits=["test"])
    assert some.layer.values.tolist() == ["0", "4", "9"]
    assert some.drop_attrs().equals(whole.sel(split=["test"], layer=["0", "4", "9"]).drop_attrs())
    with pytest.raises(
        ValueError, match="layers: 'Conv3d' fits no layer of the network, did you mean Conv2d"
    ):
        signal_propagation(problem, layers=["Conv3d"])
    with pytest.raises(ValueError, match="layers must be a list of names or classes of layers, got 'Conv2d'"):
        signal_propagation(problem, layers="Conv2d")


def test_the_network_is_left_as_it_was_and_the_survey_goes_on_after_a_kill(
    problem: Problem, tmp_path: Path
) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 2
        if done == 1:
            raise KeyboardInterrupt

    whole = signal_propagation(problem)
    with pytest.raises(KeyboardInterrupt):
        signal_propagation(problem, journal=tmp_path / "signals", progress=stop)
    assert signal_propagation(problem, journal=tmp_path / "signals").identical(whole)
    assert not any(module._forward_hooks for module in problem.model.modules())
    assert all(parameter.grad is None for parameter in problem.model.parameters())


def test_a_network_that_is_not_finite_is_told_as_such() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).double()
    model[1].weight.data[0, 0] = torch.inf
    dataset = signal_propagation(of(model)).isel(split=0)
    assert np.isfinite(dataset.variance[0])
    assert not np.isfinite(dataset.variance[1])
    assert not np.isfinite(dataset.gradient_norm).any()


class Changing(nn.Module):
    """Calls its second layer for large inputs alone."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 2), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)) if bool((x > 9).any()) else self.first(x)


def test_a_network_without_a_depth_is_refused() -> None:
    inputs, targets = X.repeat(3, 1), Y.repeat(3, 1)
    inputs[30] = 10.0  # not among the first 16, at which every survey looks
    with pytest.raises(ValueError, match="Changing calls other layers for other inputs: they have no depth"):
        signal_propagation(of(Changing(), inputs, targets), engine=Engine(batch_size=5))

    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.ParameterList([nn.Parameter(torch.ones(2, 3))])

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weights[0].T

    with pytest.raises(ValueError, match="no layer of Bare can be heard: it calls no module of torch"):
        signal_propagation(of(Bare()))
