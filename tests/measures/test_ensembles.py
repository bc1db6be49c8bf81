import numpy as np
import pytest
import xarray as xr

from lossatlas.measures import at, between_members, by_budget, course, ensemble_error, of_members, overlap

ERRORS = [[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [0.3, 0.2, 0.1, np.nan, np.nan, np.nan]]


@pytest.fixture
def grown() -> xr.DataArray:
    """Six members of one method, three of another."""
    coords = {"split": ["train", "test"], "method": ["many", "few"], "size": range(1, 7)}
    values = np.stack([np.full((2, 6), np.nan), np.array(ERRORS)])  # (split, method, size)
    return xr.DataArray(values, coords, dims=("split", "method", "size"))


def test_each_method_is_read_at_its_own_sizes(grown: xr.DataArray) -> None:
    """Of 6 and 3 members a third are 2 and 1."""
    values = by_budget(at(grown, split="test"), budgets=3)
    assert values.dims == ("method", "budget")
    assert values.budget.values.tolist() == [1, 2, 3]
    np.testing.assert_allclose(values.sel({"method": "many"}), [0.8, 0.6, 0.4])
    np.testing.assert_allclose(values.sel({"method": "few"}), [0.3, 0.2, 0.1])


def test_members_that_make_no_equal_parts_leave_the_budgets_unknown(grown: xr.DataArray) -> None:
    values = by_budget(at(grown, split="test"), budgets=2)
    np.testing.assert_allclose(values.sel({"method": "many"}), [0.7, 0.4])
    assert values.sel({"method": "few"}).isnull().all()


def test_what_was_not_surveyed_stays_unknown(grown: xr.DataArray) -> None:
    assert by_budget(at(grown, split="train"), budgets=3).isnull().all()


def test_pairs_are_averaged_over_the_members_that_a_network_has() -> None:
    """Distances of points on a line: of 0, 1 and 3 the mean of 1, 2 and 3; of 0 and 5 just 5."""
    places = np.array([[0.0, 1.0, 3.0], [0.0, 5.0, np.nan]])
    apart = abs(places[:, :, None] - places[:, None])
    coords = {"seed": [0, 1], "member": range(3), "other": range(3)}
    distances = xr.DataArray(apart, coords, dims=("seed", "member", "other"))
    np.testing.assert_allclose(between_members(distances), [2.0, 5.0])
    alone = distances.isel(member=[0], other=[0])
    assert between_members(alone).isnull().all()


def test_members_lie_along_the_epochs_of_their_snapshots() -> None:
    coords = {"member": range(3), "seed": [7, 8]}
    trace = xr.DataArray(np.arange(6).reshape(2, 3), coords, dims=("seed", "member"))
    values = course(trace, epochs=[0, 5, 10])
    assert values.sel(epoch=5, seed=8).item() == 4
    late = course(trace, epochs=[0, 5, 10], since=5)
    assert late.epoch.values.tolist() == [5, 10]
    assert late.sel(seed=7).values.tolist() == [1, 2]
    with pytest.raises(ValueError, match="there are 3 members, got 2 epochs"):
        course(trace, epochs=[0, 5])


def test_pairs_can_be_those_of_members_so_far_apart() -> None:
    """Of four members (i, j) is 10 i + j: consecutive ones are 01, 12, 23 and their mirror images."""
    values = np.add.outer(10.0 * np.arange(4), np.arange(4))
    dims = {"member": range(4), "other": range(4)}
    correlation = xr.DataArray(values, dims)
    consecutive = between_members(correlation, apart=[1])
    assert consecutive.item() == np.mean([1, 12, 23, 10, 21, 32])
    last: dict[str, list[int]] = {"member": [1, 2, 3], "other": [1, 2, 3]}
    farther = between_members(at(correlation, **last), apart=[2, 3])
    assert farther.item() == np.mean([13, 31])


def test_the_growth_of_an_ensemble_lies_along_the_epochs_of_its_members_too(
    grown: xr.DataArray,
) -> None:
    where = {"split": "test", "method": "many"}
    ends = [10, 20, 30, 40, 50, 60]
    values = course(at(grown, **where), per="size", epochs=ends)
    assert values.sel(epoch=40).item() == 0.6
    assert values.dims == ("epoch",)


def of_pairs(*matrices: np.ndarray) -> xr.DataArray:
    """Matrices over (member, other), NaN beyond the members of the smaller ones."""
    most = max(map(len, matrices))
    padded = [
        np.pad(matrix, (0, most - len(matrix)), constant_values=np.nan)
        for matrix in map(np.asarray, matrices)
    ]
    coords = {"network": range(len(matrices)), "member": range(most), "other": range(most)}
    return xr.DataArray(np.array(padded), coords, dims=("network", "member", "other"))


def test_the_squared_error_of_a_mean_is_that_of_its_variance_and_covariance() -> None:
    """Of four networks, of two and of one, in closed form: the mean square of the mean of their errors."""
    rng = np.random.default_rng(0)
    errors = [rng.normal(size=(k, 50)) + rng.normal(size=50) for k in (4, 2, 1)]
    products = of_pairs(*(each @ each.T / 50 for each in errors))
    expected = [np.mean(each.mean(0) ** 2) for each in errors]
    np.testing.assert_allclose(ensemble_error(products), expected, rtol=1e-12)
    np.testing.assert_allclose(of_members(products), [np.mean(each**2) for each in errors], rtol=1e-12)
    nothing = ensemble_error(products.where(products["network"] > 5))
    assert nothing.isnull().all()


def test_members_whose_errors_have_nothing_in_common_leave_a_kth_of_them() -> None:
    apart, alike = np.eye(5) * 0.4, np.full((5, 5), 0.4)
    np.testing.assert_allclose(ensemble_error(of_pairs(apart, alike)), [0.08, 0.4])


def test_the_overlap_is_what_both_get_wrong_of_what_one_does() -> None:
    """Three members: the pairs share one example of three, none of three and one of four."""
    wrong = [{0, 1}, {1, 2}, {2, 3, 4}]
    matrix = np.array([[len(one & other) / 10 for other in wrong] for one in wrong])
    pairs = [(wrong[i], wrong[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    expected = np.mean([len(one & other) / len(one | other) for one, other in pairs])
    found = overlap(of_pairs(matrix, np.zeros((2, 2)), np.full((2, 2), 0.3)))
    np.testing.assert_allclose(found[[0, 2]], [expected, 1.0])
    assert found[1].isnull()  # nobody errs
