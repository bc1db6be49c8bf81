"""Trajectories against scikit-learn's PCA, and against a transcription of the steps of Li et al.'s code."""

import copy
from collections.abc import Iterator
from math import pi, sqrt

import numpy as np
import pytest
import torch
import xarray as xr
from sklearn.decomposition import PCA
from torch import Tensor, nn

from lossatlas.landscape import (
    CoordinateDirections,
    Problem,
    evaluate,
    parameters,
    random_direction,
    state,
    trajectory,
)
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.shapes.sequences import Networks
from lossatlas.landscape.slices import training_path
from lossatlas.landscape.slices.pca import Rows
from lossatlas.weight_space import flatten

State = dict[str, Tensor]


@pytest.fixture
def snapshots(problem: Problem) -> list[State]:
    """State dicts after each of five epochs of training, which leave the network at its last weights."""
    kept = []
    optimizer = torch.optim.SGD(problem.model.parameters(), lr=0.05, momentum=0.9)
    inputs, targets = problem.data["train"]
    problem.model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # dropout draws from the global state
        for _ in range(5):
            kept.append(copy.deepcopy(problem.model.state_dict()))
            for part in range(0, 37, 10):
                optimizer.zero_grad()
                nn.functional.cross_entropy(
                    problem.model(inputs[part : part + 10]), targets[part : part + 10]
                ).backward()
                optimizer.step()
    return kept


def rows(problem: Problem, snapshots: list[State], least: int = 0) -> np.ndarray:
    """Flattened parameters of at least ``least`` dimensions, minus those of the network."""
    own = {name: w for name, w in parameters(problem.model).items() if w.ndim >= least}
    return np.stack(
        [
            flatten({name: each[name].double() - w.double() for name, w in own.items()}).numpy()
            for each in snapshots
        ]
    )


@pytest.mark.parametrize(("entries", "walks"), [(2**28, 4), (0, 3 + 10)])
def test_the_matrix_of_snapshots_is_walked_four_times(
    problem: Problem, snapshots: list[State], monkeypatch: pytest.MonkeyPatch, entries: int, walks: int
) -> None:
    """Whatever the number of random planes, unless their directions do not fit: then once for each pair, alike."""
    walked = []
    slices = Rows._slices

    def counting(rows: Rows, name: str) -> Iterator[Tensor]:
        walked.append(name)
        return slices(rows, name)

    whole = trajectory(problem, snapshots=snapshots, points=2)
    monkeypatch.setattr(Rows, "_slices", counting)
    monkeypatch.setattr(training_path, "_ENTRIES", entries)
    xr.testing.assert_identical(trajectory(problem, snapshots=snapshots, points=2), whole)
    assert len(walked) == walks * len(parameters(problem.model))


@pytest.mark.parametrize(("ignore", "least"), [("none", 0), ("biasbn", 2)])
def test_directions_and_path_are_those_of_scikit_learn(
    problem: Problem, snapshots: list[State], ignore: str, least: int
) -> None:
    dataset = trajectory(problem, snapshots=snapshots, points=2, ignore=ignore)
    matrix = rows(problem, snapshots, least)
    pca = PCA(n_components=4, svd_solver="full").fit(matrix)
    np.testing.assert_allclose(dataset.explained_variance_ratio[:4], pca.explained_variance_ratio_, rtol=1e-6)
    expected = np.vstack([matrix @ pca.components_[:2].T, np.zeros(2)])
    for k, axis in enumerate("xy"):
        scale = abs(expected[:, k]).max()
        np.testing.assert_allclose(dataset[f"path_{axis}"], expected[:, k], atol=1e-5 * scale)
        np.testing.assert_allclose(dataset[f"path_{axis}_cosine"], expected[:, k], atol=1e-5 * scale)
    np.testing.assert_allclose(dataset.path_distance[:-1], np.linalg.norm(matrix, axis=1), rtol=1e-6)
    in_plane = pca.explained_variance_ratio_[:2].sum()
    assert float(dataset.plane_explained_ratio) == pytest.approx(in_plane, rel=1e-6)


def test_their_convention_has_the_last_network_in_the_matrix(
    problem: Problem, snapshots: list[State]
) -> None:
    """Rows w_0 - w_n, ..., w_n - w_n, components of unit length, inner products over their norms."""
    dataset = trajectory(problem, snapshots=snapshots, points=2, convention="li2018")
    matrix = np.vstack([rows(problem, snapshots), np.zeros((1, rows(problem, snapshots).shape[1]))])
    pca = PCA(n_components=2, svd_solver="full").fit(matrix)
    np.testing.assert_allclose(dataset.explained_variance_ratio[:2], pca.explained_variance_ratio_, rtol=1e-6)
    for axis, component in zip("xy", pca.components_, strict=True):
        expected = matrix @ component / np.linalg.norm(component)
        np.testing.assert_allclose(dataset[f"path_{axis}_cosine"], expected, atol=1e-5 * abs(expected).max())
    ours = trajectory(problem, snapshots=snapshots, points=2)
    assert abs(ours.explained_variance_ratio[0] - dataset.explained_variance_ratio[0]) > 1e-4


def test_without_centring_the_components_are_about_the_network(
    problem: Problem, snapshots: list[State]
) -> None:
    dataset = trajectory(problem, snapshots=snapshots, points=2, centred=False)
    matrix = rows(problem, snapshots)
    values = np.linalg.svd(matrix, compute_uv=False) ** 2
    np.testing.assert_allclose(dataset.explained_variance_ratio, values / values.sum(), rtol=1e-6)
    seen = (dataset.path_x**2 + dataset.path_y**2).sum() / (matrix**2).sum()
    assert float(seen) == pytest.approx(values[:2].sum() / values.sum(), rel=1e-6)


def test_losses_on_the_path_are_those_of_the_snapshots(problem: Problem, snapshots: list[State]) -> None:
    dataset = trajectory(problem, snapshots=snapshots, points=2)
    assert dataset.path_loss.dims == ("split", "snapshot")
    for k, snapshot in enumerate([*snapshots, problem.model.state_dict()]):
        network = copy.deepcopy(problem.model)
        network.load_state_dict(snapshot)
        with prepared(Problem(network, problem.loss, problem.data)) as ready:
            expected = ready.measure()
        point = dataset.sel(snapshot=k)
        values = [
            float(point[f"path_{metric}"].sel(split=split))
            for split in ("train", "test")
            for metric in ("loss", "error")
        ]
        assert values == expected


def test_the_surface_covers_the_path_with_a_margin_and_meets_the_network(
    problem: Problem, snapshots: list[State]
) -> None:
    dataset = trajectory(problem, snapshots=snapshots, points=3, margin=0.1)
    for axis in ("x", "y"):
        low, high = float(dataset[f"path_{axis}"].min()), float(dataset[f"path_{axis}"].max())
        room = 0.1 * (high - low)
        np.testing.assert_allclose(dataset[axis][[0, -1]], [low - room, high + room], rtol=1e-9, atol=1e-12)


def test_a_point_of_the_surface_is_the_network_moved_along_both_components(
    problem: Problem, snapshots: list[State]
) -> None:
    """With the statistics of batch norm that the network has, whatever was measured before."""
    dataset = trajectory(problem, snapshots=snapshots, points=3)
    components = PCA(n_components=2, svd_solver="full").fit(rows(problem, snapshots)).components_
    at = {"y": float(dataset.y[2]), "x": float(dataset.x[0])}
    moved = copy.deepcopy(problem.model)
    step = torch.from_numpy(at["x"] * components[0] + at["y"] * components[1])
    with torch.no_grad():
        for parameter, part in zip(
            moved.parameters(), step.split([p.numel() for p in moved.parameters()]), strict=True
        ):
            parameter.add_(part.view(parameter.shape))
    alone = evaluate(
        Problem(moved, problem.loss, problem.data), Networks([state(moved)], "point", "number")
    ).loss.isel(point=0)
    np.testing.assert_allclose(dataset.loss.sel(at), alone, rtol=1e-4)


def test_random_planes_show_what_least_squares_finds_in_them(
    problem: Problem, snapshots: list[State]
) -> None:
    dataset = trajectory(
        problem, snapshots=snapshots, points=2, draws=3, seed=5, normalize="filter", ignore="biasbn"
    )
    matrix = rows(problem, snapshots, least=2)
    kept = {name: w for name, w in parameters(problem.model).items() if w.ndim >= 2}
    for draw in range(3):
        pair = [flatten(random_direction(kept, seed=5, index=2 * draw + i)).double().numpy() for i in (0, 1)]
        basis = np.stack(pair, axis=1)
        coordinates = np.linalg.lstsq(basis, matrix.T, rcond=None)[0].T
        np.testing.assert_allclose(dataset.random_x[draw, :-1], coordinates[:, 0], rtol=1e-6)
        np.testing.assert_allclose(dataset.random_y[draw, :-1], coordinates[:, 1], rtol=1e-6)
        projected = (coordinates - coordinates.mean(0)) @ basis.T
        share = (projected**2).sum() / ((matrix - matrix.mean(0)) ** 2).sum()
        assert float(dataset.random_explained_ratio[draw]) == pytest.approx(share, rel=1e-6)
        cosine = pair[0] @ pair[1] / (np.linalg.norm(pair[0]) * np.linalg.norm(pair[1]))
        assert float(dataset.random_cosine[draw]) == pytest.approx(cosine, rel=1e-6)


def unscaled(problem: Problem, *, seed: int, index: int) -> np.ndarray:
    """A Gaussian direction over all parameters, flattened."""
    direction = random_direction(
        parameters(problem.model), seed=seed, index=index, normalize="none", ignore="none"
    )
    return flatten(direction).double().numpy()


def test_the_plane_of_the_chord_shows_what_least_squares_finds_in_it(
    problem: Problem, snapshots: list[State]
) -> None:
    """The chord is the way from the network to the first snapshot; both start and end lie on it."""
    dataset = trajectory(problem, snapshots=snapshots, points=2, draws=2, seed=5)
    matrix = rows(problem, snapshots)
    chord = matrix[0] / np.linalg.norm(matrix[0])
    for draw in range(2):
        basis = np.stack([chord, unscaled(problem, seed=5, index=2 * draw)], axis=1)
        coordinates = np.linalg.lstsq(basis, matrix.T, rcond=None)[0].T
        np.testing.assert_allclose(dataset.chord_x[draw, :-1], coordinates[:, 0], rtol=1e-5)
        scale = abs(coordinates[1:, 1]).max()
        np.testing.assert_allclose(dataset.chord_y[draw, :-1], coordinates[:, 1], atol=1e-5 * scale)
        projected = (coordinates - coordinates.mean(0)) @ basis.T
        share = (projected**2).sum() / ((matrix - matrix.mean(0)) ** 2).sum()
        assert float(dataset.chord_explained_ratio[draw]) == pytest.approx(share, rel=1e-5)


def test_an_excursion_is_the_length_of_a_projection_over_the_length_of_the_way(
    problem: Problem, snapshots: list[State]
) -> None:
    dataset = trajectory(problem, snapshots=snapshots, points=2, draws=2, seed=5)
    matrix = rows(problem, snapshots)
    for draw in range(2):
        pair = [unscaled(problem, seed=5, index=2 * draw + i) for i in (0, 1)]
        basis, _ = np.linalg.qr(np.stack(pair, axis=1))
        seen = np.linalg.norm(matrix @ basis, axis=1).max() / np.linalg.norm(matrix, axis=1).max()
        assert float(dataset.random_excursion[draw]) == pytest.approx(seen, rel=1e-6)


def test_random_planes_show_as_much_as_is_expected_of_gaussians(
    problem: Problem, snapshots: list[State]
) -> None:
    """The share is 2/n and the mean absolute cosine sqrt(2/(pi n)), within four standard errors of 200 draws."""
    dataset = trajectory(problem, snapshots=snapshots, points=2, draws=200)
    n = sum(parameter.numel() for parameter in problem.model.parameters())
    for found, expected in (
        (dataset.random_explained_ratio, 2 / n),
        (abs(dataset.random_cosine), sqrt(2 / (pi * n))),
    ):
        assert abs(float(found.mean()) - expected) < 4 * float(found.std()) / sqrt(200)
    assert float(dataset.random_explained_expected) == 2 / n
    assert float(dataset.random_cosine_expected) == sqrt(2 / (pi * n))


def test_the_network_may_be_the_last_of_the_snapshots(problem: Problem, snapshots: list[State]) -> None:
    without = trajectory(problem, snapshots=snapshots, points=2)
    with_it = trajectory(problem, snapshots=[*snapshots, problem.model.state_dict()], points=2)
    assert with_it.identical(without)


def test_snapshots_by_epoch_are_the_same_way_with_epochs_for_numbers(
    problem: Problem, snapshots: list[State]
) -> None:
    numbered = trajectory(problem, snapshots=snapshots, points=2)
    final = problem.model.state_dict()
    epochs = [0, 3, 5, 10, 20]
    by_epoch = {30: final, **dict(zip(epochs, snapshots, strict=True))}  # in any order
    dataset = trajectory(problem, snapshots=by_epoch, points=2)
    assert dataset.snapshot.values.tolist() == [*epochs, 30]
    assert dataset.snapshot.attrs["units"] == "epoch"
    assert dataset.assign_coords(snapshot=numbered.snapshot).identical(numbered)


def test_the_epoch_of_a_network_that_is_none_of_the_snapshots_is_not_known(
    problem: Problem, snapshots: list[State]
) -> None:
    dataset = trajectory(problem, snapshots=dict(enumerate(snapshots)), points=2)
    np.testing.assert_equal(dataset.snapshot.values, [0, 1, 2, 3, 4, np.nan])


def test_a_dataset_survives_netcdf(problem: Problem, snapshots: list[State], tmp_path: object) -> None:
    dataset = trajectory(problem, snapshots=snapshots, points=2)
    dataset.to_netcdf(f"{tmp_path}/trajectory.nc", engine="h5netcdf")
    assert xr.load_dataset(f"{tmp_path}/trajectory.nc", engine="h5netcdf").identical(dataset)
    described = [variable for name, variable in dataset.variables.items() if name != "split"]
    assert all(variable.attrs["units"] == "1" and variable.attrs["long_name"] for variable in described)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ignore": "bias"}, "unknown ignore 'bias', expected one of biasbn, none"),
        ({"draws": 0}, "draws must be >= 1, got 0"),
        ({"margin": -1.0}, "margin must be finite and >= 0, got -1.0"),
        ({"points": 1}, "points must be >= 2, got 1"),
        ({"convention": "li"}, "unknown convention 'li', expected one of lossatlas, li2018"),
        (
            {"normalize": "filters"},
            "unknown normalize 'filters', expected one of filter, layer, weight, none",
        ),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    problem: Problem, snapshots: list[State], options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        trajectory(problem, snapshots=snapshots, **options)  # type: ignore[arg-type]


def test_a_trajectory_needs_snapshots_that_span_a_plane(problem: Problem, snapshots: list[State]) -> None:
    with pytest.raises(ValueError, match="2 networks that span 1 dimensions have no 2 principal components"):
        trajectory(problem, snapshots=snapshots[:2])
    with pytest.raises(ValueError, match="needs snapshots before the network, got none"):
        trajectory(problem, snapshots=[problem.model.state_dict()])
    with pytest.raises(
        ValueError, match=r"snapshot 1 has '9\.bias' of shape \(4,\), the network of shape \(3,\)"
    ):
        trajectory(problem, snapshots=[snapshots[0], {**snapshots[1], "9.bias": torch.zeros(4)}])
    with pytest.raises(ValueError, match=r"the snapshot of epoch 7 has '9\.bias' of shape \(4,\)"):
        trajectory(problem, snapshots={7: {**snapshots[1], "9.bias": torch.zeros(4)}})


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_what_the_cpu_gives_of_snapshots_in_memory(
    problem: Problem, snapshots: list[State]
) -> None:
    expected = trajectory(problem, snapshots=snapshots, points=3)
    data = {split: (inputs.cuda(), targets.cuda()) for split, (inputs, targets) in problem.data.items()}
    on_gpu = Problem(copy.deepcopy(problem.model).cuda(), problem.loss, data)
    dataset = trajectory(on_gpu, snapshots=snapshots, points=3)
    for name in ("loss", "path_loss", "path_x", "path_y", "random_explained_ratio"):
        np.testing.assert_allclose(dataset[name], expected[name], rtol=1e-4, atol=1e-6)


def test_along_coordinates_the_path_is_that_of_two_weights(problem: Problem, snapshots: list[State]) -> None:
    dataset = trajectory(problem, snapshots=snapshots, points=3, along=CoordinateDirections([1, 5]))
    expected = np.vstack([rows(problem, snapshots)[:, [1, 5]], np.zeros(2)])
    np.testing.assert_allclose(dataset.path_x, expected[:, 0], atol=1e-6)
    np.testing.assert_allclose(dataset.path_y, expected[:, 1], atol=1e-6)
    assert dataset.x[0] <= expected[:, 0].min() < expected[:, 0].max() <= dataset.x[-1]
    moved = copy.deepcopy(problem)
    first = next(moved.model.parameters())
    with torch.no_grad():
        first.view(-1)[1] += float(dataset.x[2])
        first.view(-1)[5] += float(dataset.y[0])
        inputs, targets = moved.data["train"]
        loss = nn.functional.cross_entropy(moved.model.eval()(inputs), targets)
    assert dataset.loss.sel(split="train").isel(x=2, y=0).item() == pytest.approx(loss.item(), abs=1e-5)


def test_principal_components_stay_what_they_are_along_other_directions(
    problem: Problem, snapshots: list[State]
) -> None:
    own, other = (
        trajectory(problem, snapshots=snapshots, points=2, along=along)
        for along in (None, CoordinateDirections([0, 1]))
    )
    np.testing.assert_array_equal(own.explained_variance_ratio, other.explained_variance_ratio)
    assert float(other.plane_explained_ratio) < float(own.plane_explained_ratio)
    assert "along" not in own.attrs


def test_with_an_origin_the_path_and_its_plane_are_over_the_weights_themselves(
    problem: Problem, snapshots: list[State]
) -> None:
    about_the_end, absolute = (
        trajectory(problem, snapshots=snapshots, points=3, along=CoordinateDirections([1, 5], origin=origin))
        for origin in (None, [0.5, 0.0])
    )
    first = next(iter(state(problem.model)))
    for letter, number, origin in (("x", 1, 0.5), ("y", 5, 0.0)):
        weights = [float(each[first].view(-1)[number]) for each in [*snapshots, problem.model.state_dict()]]
        np.testing.assert_allclose(absolute[f"path_{letter}"], np.array(weights) - origin, atol=1e-6)
        np.testing.assert_allclose(absolute[letter], about_the_end[letter] + weights[-1] - origin, atol=1e-6)
    np.testing.assert_allclose(absolute.loss, about_the_end.loss, atol=1e-5)
    np.testing.assert_array_equal(absolute.path_loss, about_the_end.path_loss)


def test_along_directions_a_path_on_one_line_has_a_plane(problem: Problem) -> None:
    """Which has no two principal components, as that of a ball on the axis of a bowl."""
    snapshots = [copy.deepcopy(problem.model.state_dict()) for _ in range(3)]
    first = next(iter(state(problem.model)))
    for step, snapshot in enumerate(snapshots):
        snapshot[first].view(-1)[1] += 3.0 - step
    dataset = trajectory(problem, snapshots=snapshots, points=3, along=CoordinateDirections([1, 5]))
    np.testing.assert_allclose(dataset.path_x, [3, 2, 1, 0], atol=1e-6)
    np.testing.assert_allclose(dataset.y, [-2.1, 0, 2.1], atol=1e-6)  # as wide as the path is long
    step = trajectory(problem, snapshots=snapshots[:1], points=3, along=CoordinateDirections([1, 5]))
    np.testing.assert_allclose(step.path_x, [3, 0], atol=1e-6)
    assert step.explained_variance_ratio.isnull().all()
    with pytest.raises(ValueError, match="span 1 dimensions have no 2 principal components"):
        trajectory(problem, snapshots=snapshots, points=3)
