import importlib

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import (
    CoordinateDirections,
    DirectionSet,
    GivenDirections,
    GradientDirections,
    HessianDirections,
    PrincipalDirections,
    Problem,
    RandomDirections,
    SeveralDirections,
    TowardsNetworks,
    line,
    parameters,
    random_direction,
    state,
    surface,
    trajectory,
)
from lossatlas.landscape.directions import directions_along
from lossatlas.weight_space import flatten, inner, norm


def test_random_directions_are_those_of_the_function(problem: Problem) -> None:
    found = RandomDirections(seed=5, normalize="layer", ignore="none").of(problem)
    expected = random_direction(parameters(problem.model), seed=5, index=3, normalize="layer", ignore="none")
    assert torch.equal(flatten(found.draw(3)), flatten(expected))
    assert found.number is None


def test_random_directions_of_statistics_begin_with_those_of_the_parameters(problem: Problem) -> None:
    """So that moving the statistics too does not change how the parameters move."""
    alone, both = (
        RandomDirections(ignore="none", statistics=moved).of(problem).draw(1) for moved in (False, True)
    )
    assert list(both) == list(state(problem.model))
    assert all(torch.equal(alone[name], both[name]) for name in alone)
    torch.testing.assert_close(both["1.running_var"].norm(), problem.model[1].running_var.norm())


def test_the_gradient_is_that_of_autograd_and_its_slope_that_of_the_line(double_problem: Problem) -> None:
    inputs, targets = double_problem.data["test"]
    loss = nn.functional.cross_entropy(double_problem.model.eval()(inputs), targets)
    expected = torch.autograd.grad(loss, list(double_problem.model.parameters()))
    direction = GradientDirections("test").of(double_problem).draw(0)
    torch.testing.assert_close(flatten(direction), torch.cat([part.reshape(-1) for part in expected]))
    step = 1e-7
    dataset = line(double_problem, along=GradientDirections("test"), points=3, extent=step, splits=["test"])
    losses = dataset.loss.isel(direction=0, split=0).values
    assert (losses[2] - losses[0]) / (2 * step) == pytest.approx(norm(direction) ** 2, rel=1e-5)
    assert (dataset.directions, dataset.gradient_split) == ("gradient", "test")


def test_coordinates_move_one_weight_each_in_the_networks_order(problem: Problem) -> None:
    own = parameters(problem.model)
    last = sum(w.numel() for w in own.values()) - 1
    for number, direction in zip(
        (0, 7, last), CoordinateDirections([0, 7, last]).of(problem).take(3), strict=True
    ):
        assert flatten(direction).nonzero().flatten().tolist() == [number]
        assert norm(direction) == 1


@pytest.mark.parametrize("number", [-1, 3])
def test_a_coordinate_that_is_not_there_is_refused(number: int) -> None:
    small = Problem(nn.Linear(2, 1), nn.MSELoss(), {"train": (torch.ones(1, 2), torch.ones(1, 1))})
    with pytest.raises(ValueError, match=f"numbers: the network has weights 0 to 2, got {number}"):
        CoordinateDirections([number]).of(small)


def test_an_origin_is_where_these_weights_have_its_values_and_the_others_their_own(problem: Problem) -> None:
    own = flatten(parameters(problem.model))
    found = CoordinateDirections([7, 2], origin=[0.5, -1.0]).of(problem)
    expected = own.clone()
    expected[[7, 2]] = torch.tensor([0.5, -1.0])
    torch.testing.assert_close(flatten(found.centre), expected)
    assert found.attributes["origin"] == "0.5 -1"
    assert found.attributes["network_0"] == pytest.approx(float(own[7]) - 0.5)
    assert found.attributes["network_1"] == pytest.approx(float(own[2]) + 1.0)
    for numbers, origin, message in (([0, 1], [0.0], "expected 2 values"), ([1, 1], [0.0, 0.0], "one value")):
        with pytest.raises(ValueError, match=message):
            CoordinateDirections(numbers, origin=origin)


def test_eigenvectors_of_the_hessian_have_their_eigenvalues_as_curvatures(regression: Problem) -> None:
    """The loss of linear regression is f + a g'v + a^2 lambda / 2; eigenvalues of 2 X'X / (N outputs) by numpy."""
    dataset = line(regression, along=HessianDirections(largest=1, smallest=1, tolerance=1e-8), points=3)
    x = np.concatenate([regression.data["train"][0].numpy(), np.ones((23, 1))], axis=1)
    eigenvalues = np.linalg.eigvalsh(2 * x.T @ x / (23 * 2))
    low, centre, high = dataset.loss.sel(split="train").transpose("alpha", "direction").values
    np.testing.assert_allclose(low + high - 2 * centre, [eigenvalues[-1], eigenvalues[0]], rtol=1e-6)
    assert (dataset.directions, dataset.matrix, dataset.largest) == ("hessian", "hessian", 1)


def test_principal_directions_are_those_of_the_trajectory(problem: Problem, other_network: nn.Module) -> None:
    own, other = problem.model.state_dict(), other_network.state_dict()
    snapshots = [
        {name: torch.lerp(own[name].float(), other[name].float(), a) * (1 + b) for name in own}
        for a, b in ((0.9, 0.0), (0.6, 0.2), (0.3, 0.3), (0.1, 0.0))
    ]
    expected = trajectory(problem, snapshots=snapshots, points=2, ignore="biasbn")
    dataset = line(problem, along=PrincipalDirections(snapshots, ignore="biasbn"), points=3)
    assert (dataset.directions, dataset.sizes["direction"]) == ("principal", 2)
    axes = PrincipalDirections(snapshots, ignore="biasbn").of(problem)
    way = {name: snapshots[0][name] - tensor for name, tensor in parameters(problem.model).items()}
    for direction, coordinates in zip(axes.take(2), (expected.path_x, expected.path_y), strict=True):
        assert norm(direction) == pytest.approx(1.0)
        assert inner(direction, way) == pytest.approx(float(coordinates[0]), rel=1e-4)


def test_the_other_network_lies_at_one(problem: Problem, other_network: nn.Module) -> None:
    towards = TowardsNetworks(other_network.state_dict(), statistics=True)
    dataset = line(problem, along=towards, points=3).sel(alpha=1.0, direction=0)
    there = line(Problem(other_network, problem.loss, problem.data), points=3, directions=1).sel(alpha=0.0)
    np.testing.assert_allclose(dataset.loss, there.loss.isel(direction=0), rtol=1e-5)
    assert dataset.statistics == "moved"


def test_a_given_direction_moves_what_it_names_by_as_much_as_it_says(problem: Problem) -> None:
    bias = {"9.bias": torch.tensor([1.0, -2.0, 0.5])}
    dataset = line(problem, along=bias, points=3, extent=0.7)
    inputs, targets = problem.data["train"]
    with torch.no_grad():
        outputs = problem.model.eval()(inputs) + 0.7 * bias["9.bias"]
    expected = nn.functional.cross_entropy(outputs, targets).item()
    point = dataset.sel(split="train", alpha=0.7, direction=0)
    assert float(point.loss) == pytest.approx(expected, rel=1e-6)
    assert (dataset.directions, dataset.normalize, dataset.ignore) == ("given", "none", "none")


def test_given_directions_can_be_rescaled(problem: Problem) -> None:
    given = {"4.weight": torch.ones(6, 4, 3, 3)}
    direction = GivenDirections(given, normalize="filter").of(problem).draw(0)["4.weight"]
    filters = problem.model[4].weight.data
    torch.testing.assert_close(direction.flatten(1).norm(dim=1), filters.flatten(1).norm(dim=1))


def test_directions_of_several_kinds_follow_each_other(problem: Problem) -> None:
    given = [{"9.bias": torch.full((3,), k)} for k in (1.0, 2.0)]
    axes = SeveralDirections([GradientDirections(), GivenDirections(given), RandomDirections(seed=1)]).of(
        problem
    )
    gradient, first, second, *random = axes.take(5)
    assert torch.equal(flatten(gradient), flatten(GradientDirections().of(problem).draw(0)))
    assert (first["9.bias"][0].item(), second["9.bias"][0].item()) == (1.0, 2.0)
    for k in (0, 1):
        expected = random_direction(parameters(problem.model), seed=1, index=k)
        assert torch.equal(flatten(random[k]), flatten(expected))
    assert axes.attributes["directions"] == "gradient, given, random"
    assert axes.attributes["seed_2"] == 1


def test_directions_with_and_without_statistics_share_a_surface(problem: Problem) -> None:
    """Every point then has to write the statistics, or a point would have those of the one before."""
    moved = {"1.running_mean": torch.ones(4)}
    dataset = surface(problem, along=[{"9.bias": torch.ones(3)}, moved], points=3)
    alone = line(problem, along=moved, points=3)
    np.testing.assert_array_equal(dataset.loss.sel(x=0.0), alone.loss.sel(direction=0))
    np.testing.assert_array_equal(
        dataset.loss.sel(y=0.0),
        line(problem, along={"9.bias": torch.ones(3)}, points=3).loss.sel(direction=0),
    )


def test_a_line_runs_along_as_many_directions_as_there_are(problem: Problem) -> None:
    given = [{"9.bias": torch.full((3,), k)} for k in (1.0, 2.0, 3.0)]
    assert line(problem, along=given, points=3).sizes["direction"] == 3
    assert line(problem, along=given, directions=2, points=3).sizes["direction"] == 2
    assert line(problem, along=[given[0], RandomDirections()], directions=4, points=3).sizes["direction"] == 4


def test_journals_of_surveys_along_swapped_directions_are_told_apart(
    problem: Problem, tmp_path: object
) -> None:
    """The plane is the same, and so are two of its corners."""
    first, second = {"9.bias": torch.ones(3)}, {"0.bias": torch.ones(4)}
    there, back = (
        surface(problem, along=along, points=3, journal=f"{tmp_path}/surface.journal")
        for along in ([first, second], [second, first])
    )
    np.testing.assert_allclose(back.loss, there.loss.transpose("split", "x", "y"), rtol=1e-6)
    assert not np.allclose(back.loss, there.loss, rtol=1e-6)


def test_the_network_is_left_as_it_was(problem: Problem) -> None:
    before = {name: tensor.clone() for name, tensor in problem.model.state_dict().items()}
    problem.model.train()
    surface(problem, along=[GradientDirections(), RandomDirections()], points=3)
    assert all(torch.equal(tensor, before[name]) for name, tensor in problem.model.state_dict().items())
    assert problem.model.training


@pytest.mark.parametrize(
    ("along", "message"),
    [
        ({"9.weights": torch.ones(3)}, r"the direction has '9\.weights', which the network has not"),
        (
            {"9.bias": torch.ones(4)},
            r"the direction has '9\.bias' of shape \(4,\), the network of shape \(3,\)",
        ),
        ({"9.bias": torch.zeros(3)}, "the direction is zero with normalize='none' and ignore='none'"),
        ({}, "the direction is zero"),
        ({"9.bias": torch.full((3,), torch.nan)}, "the direction has entries that are not finite"),
        ([], "along has no directions"),
        (
            GivenDirections({"9.bias": torch.ones(3)}, ignore="biasbn"),
            "zero with normalize='none' and ignore='biasbn'",
        ),
        (GradientDirections("valid"), "unknown split 'valid', the data has train, test"),
        (
            TowardsNetworks({"9.bias": torch.ones(3)}),
            r"the other network has no '0\.weight', which the network has",
        ),
    ],
)
def test_directions_that_are_none_of_the_network_are_refused(
    problem: Problem, along: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        line(problem, along=along)  # type: ignore[arg-type]


def test_a_surface_needs_two_directions(problem: Problem) -> None:
    with pytest.raises(ValueError, match=r"a survey along 2 directions cannot do with 1 \(gradient\)"):
        surface(problem, along=GradientDirections())


@pytest.mark.parametrize(
    "options",
    [{"seed": 5}, {"normalize": "layer"}, {"ignore": "none"}, {"statistics": True}, {"convention": "li2018"}],
)
def test_options_of_random_directions_are_not_taken_where_there_are_none(
    problem: Problem, options: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}=.* is of the random directions"):
        line(problem, along={"9.bias": torch.ones(3)}, **options)  # type: ignore[arg-type]


def test_without_along_the_random_ones_are_taken(problem: Problem) -> None:
    found = directions_along(None, RandomDirections(seed=9), problem)
    assert found.attributes["seed"] == 9


@pytest.mark.parametrize(
    ("home", "name"), [("lossatlas.landscape", "DirectionSet"), ("lossatlas.landscape.along", "Axes")]
)
def test_directions_of_one_s_own_are_taken_by_the_old_name_too(
    problem: Problem, home: str, name: str
) -> None:
    made = getattr(importlib.import_module(home), name)

    class OnlyTheLastBias:
        def of(self, problem: Problem) -> DirectionSet:
            centre = {"9.bias": parameters(problem.model)["9.bias"]}
            return made(centre, lambda k: {"9.bias": torch.ones(3)}, 1, True, {"directions": "mine"})

    dataset = line(problem, along=OnlyTheLastBias(), points=3)
    given = line(problem, along={"9.bias": torch.ones(3)}, points=3)
    assert dataset.attrs["directions"] == "mine"
    assert dataset.loss.equals(given.loss)
