"""Activation patterns against roots of linear functions, and against patterns that numpy computes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossatlas.landscape import Bezier, ControlledCurve, Engine, Problem, activation_patterns, path

EXAMPLES = 23


def perceptron(*hidden: int, seed: int = 0, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """On 4 inputs, with 2 outputs, in float64."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for inputs, outputs in zip((4, *hidden[:-1]), hidden, strict=True):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], 2)).double()


def problem_of(model: nn.Module, examples: int = EXAMPLES) -> Problem:
    inputs = torch.randn(examples, 4, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    return Problem(model, nn.MSELoss(), {"train": (inputs, torch.zeros(examples, 2, dtype=torch.float64))})


def on(
    weights: dict[str, NDArray[np.float64]], inputs: NDArray[np.float64], layers: int
) -> list[NDArray[np.bool_]]:
    """Which units of each hidden layer are on, (examples, units) each."""
    found = []
    for k in range(layers):
        inputs = inputs @ weights[f"{2 * k}.weight"].T + weights[f"{2 * k}.bias"]
        found.append(inputs > 0)
        inputs = np.maximum(inputs, 0)
    return found


def by_hand(
    one: nn.Module, other: nn.Module, inputs: Tensor, layers: int, t: NDArray[np.float64]
) -> list[NDArray[np.bool_]]:
    """Which units are on along the line, (t, examples, units) of each layer."""
    start, end = ({k: v.numpy() for k, v in model.state_dict().items()} for model in (one, other))
    at = [on({k: (1 - s) * start[k] + s * end[k] for k in start}, inputs.numpy(), layers) for s in t]
    return [np.stack(layer) for layer in zip(*at, strict=True)]


@pytest.mark.parametrize("points", [2, 5, 40])
def test_a_unit_of_the_first_layer_crosses_at_the_root_of_a_linear_function(points: int) -> None:
    one, other = perceptron(9), perceptron(9, seed=1)
    problem = problem_of(one)
    inputs = problem.data["train"][0]
    with torch.no_grad():
        start, end = one[0](inputs), other[0](inputs)
    roots = start / (start - end)
    roots = roots[(roots > 0) & (roots < 1)].numpy()
    dataset = activation_patterns(problem, through=[other.state_dict()], points=points)
    expected, _ = np.histogram(roots, dataset.t.values)
    np.testing.assert_array_equal(dataset.crossings[0, 0, 1:], expected)
    assert len(roots) > 50
    assert dataset.cells.item() == len(roots) + 1
    assert dataset.line_switched.item() == pytest.approx(len(roots) / (9 * EXAMPLES))


def test_deeper_layers_are_those_that_numpy_finds_and_more_points_find_more() -> None:
    one, other = perceptron(8, 6), perceptron(8, 6, seed=1)
    problem = problem_of(one)
    dataset = activation_patterns(problem, through=[other.state_dict()], points=41)
    expected = by_hand(one, other, problem.data["train"][0], 2, dataset.t.values)
    for number, layer in enumerate(expected):
        np.testing.assert_array_equal(dataset.crossings[0, number, 1:], (layer[1:] != layer[:-1]).sum((1, 2)))
        np.testing.assert_allclose(dataset.switched[0, number], (layer != layer[0]).mean((1, 2)))
    assert dataset.units.values.tolist() == [8, 6]
    seconds = sum((layer[2::2] != layer[:-2:2]).sum() for layer in expected)
    fine = by_hand(one, other, problem.data["train"][0], 2, np.linspace(0, 1, 4001))
    limit = sum((layer[1:] != layer[:-1]).sum() for layer in fine)
    assert dataset.coarse_crossings.item() == seconds
    assert seconds <= dataset.line_crossings.item() <= limit
    assert dataset.line_crossings.item() > 0.9 * limit


def test_an_even_number_of_points_has_no_every_second() -> None:
    dataset = activation_patterns(
        problem_of(perceptron(3)), through=[perceptron(3, seed=1).state_dict()], points=4
    )
    assert np.isnan(dataset.coarse_crossings.item())


def test_from_epoch_to_epoch_each_line_counts_anew() -> None:
    networks = [perceptron(5, 5, seed=seed) for seed in range(3)]
    states = {epoch: model.state_dict() for epoch, model in zip((0, 4, 9), networks, strict=True)}
    dataset = activation_patterns(problem_of(networks[2]), through=states, points=7)
    assert dataset.line.values.tolist() == [4, 9]
    for number, (start, end) in enumerate(((0, 1), (1, 2))):
        alone = activation_patterns(
            problem_of(networks[start]), through=[networks[end].state_dict()], points=7
        )
        for name in ("line_crossings", "coarse_crossings", "line_switched"):
            assert dataset[name][0, number].item() == alone[name].item() > 0
    assert dataset.length.values[-1] == pytest.approx(
        path(
            problem_of(networks[0]), through=[m.state_dict() for m in networks[1:]], points=2
        ).curve_length.item()
    )


def test_a_path_of_losses_leads_from_epoch_to_epoch_too() -> None:
    networks = [perceptron(5, seed=seed) for seed in range(3)]
    states = {4: networks[1].state_dict(), 0: networks[0].state_dict(), 9: networks[2].state_dict()}
    dataset = path(problem_of(networks[2]), through=states, points=3)
    expected = path(problem_of(networks[0]), through=[m.state_dict() for m in networks[1:]], points=3)
    np.testing.assert_array_equal(dataset.loss, expected.loss)


def test_a_curve_that_ends_where_it_began_crosses_all_twice() -> None:
    here, there = perceptron(6), perceptron(6, seed=1)
    curve = ControlledCurve(Bezier(), [here.state_dict(), there.state_dict(), here.state_dict()])
    dataset = activation_patterns(problem_of(here), through=curve, points=101)
    halves = dataset.crossings[0, 0, 1:51].sum(), dataset.crossings[0, 0, 51:].sum()
    assert halves[0] == halves[1] > 0
    assert dataset.line_switched.item() == 0
    assert dataset.sizes["line"] == 1


def test_a_network_and_itself_lie_in_one_cell() -> None:
    model = perceptron(6, 6)
    dataset = activation_patterns(problem_of(model), through=[model.state_dict()], points=3)
    assert dataset.cells.item() == 1
    assert dataset.line_switched.item() == 0


def test_an_activation_with_two_kinks_is_crossed_at_both() -> None:
    models = [nn.Sequential(nn.Linear(1, 1), nn.ReLU6(inplace=True), nn.Linear(1, 1)) for _ in range(2)]
    for model, bias in zip(models, (-1.5, 9.0), strict=True):
        nn.init.zeros_(model[0].weight)
        nn.init.constant_(model[0].bias, bias)
    problem = Problem(models[0], nn.MSELoss(), {"train": (torch.ones(1, 1), torch.ones(1, 1))})
    for points, where in (
        (2, [2]),
        (11, [0, 1, 0, 0, 0, 0, 0, 1, 0, 0]),
    ):  # at 0 and 6 on the way from -1.5 to 9
        dataset = activation_patterns(problem, through=[models[1].state_dict()], points=points)
        assert dataset.crossings[0, 0, 1:].values.tolist() == where
        assert dataset.line_switched.item() == 1


def test_batches_and_a_journal_change_nothing(
    problem: Problem, other_network: nn.Module, tmp_path: Path
) -> None:
    other = [other_network.state_dict()]
    whole = activation_patterns(problem, through=other, points=5)
    assert whole.layer.values.tolist() == ["2", "6"]
    assert whole.units.values.tolist() == [4 * 64, 6 * 16]
    parts = activation_patterns(problem, through=other, points=5, engine=Engine(batch_size=4))
    journal = tmp_path / "journal"

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        activation_patterns(problem, through=other, points=5, journal=journal, progress=stop)
    resumed, again = (
        activation_patterns(problem, through=other, points=5, journal=journal) for _ in range(2)
    )
    for name in whole.data_vars:
        np.testing.assert_array_equal(parts[name], whole[name])
        np.testing.assert_array_equal(resumed[name], whole[name])
        np.testing.assert_array_equal(again[name], whole[name])


def test_statistics_of_a_pass_are_those_of_training_mode() -> None:
    torch.manual_seed(0)
    models = [
        nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)).double() for _ in "ab"
    ]
    problem = problem_of(models[0])
    inputs = problem.data["train"][0]
    before, after = (model[:2].train()(inputs) > 0 for model in models)
    dataset = activation_patterns(
        problem, through=[models[1].state_dict()], points=2, engine=Engine(evaluation="recompute")
    )
    assert dataset.line_switched.item() == pytest.approx((before != after).double().mean().item())


def test_a_module_that_is_called_again_is_another_layer() -> None:
    relu = nn.ReLU()
    models = [
        nn.Sequential(nn.Linear(4, 3), relu, nn.Linear(3, 3), relu, nn.Linear(3, 2)).double() for _ in "ab"
    ]
    dataset = activation_patterns(problem_of(models[0]), through=[models[1].state_dict()], points=3)
    assert dataset.layer.values.tolist() == ["1", "1#2"]


def test_a_network_without_kinks_is_refused_in_one_line() -> None:
    model = perceptron(3, activation=nn.Tanh)
    with pytest.raises(
        ValueError, match=r"^Sequential has no activation with a kink, .* among ReLU, LeakyReLU, "
    ):
        activation_patterns(problem_of(model), through=[perceptron(3, activation=nn.Tanh).state_dict()])
    with pytest.raises(ValueError, match="a path needs at least two networks, got 1"):
        activation_patterns(problem_of(perceptron(3)), through={3: perceptron(3).state_dict()})
