import numpy as np
import pytest
import xarray as xr

from lossatlas.claims.measures import between_members, by_budget, course

ERRORS = [[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [0.3, 0.2, 0.1, np.nan, np.nan, np.nan]]


@pytest.fixture
def grown() -> dict[str, xr.Dataset]:
    """Six members of one method, three of another."""
    coords = {"method": ["many", "few"], "size": range(1, 7), "split": ["train", "test"]}
    values = np.stack([np.full((2, 6), np.nan), np.array(ERRORS)])  # (split, method, size)
    return {"ensemble": xr.Dataset({"error_first": (("split", "method", "size"), values)}, coords)}


def test_each_method_is_read_at_its_own_sizes(grown: dict[str, xr.Dataset]) -> None:
    """Of 6 and 3 members a third are 2 and 1."""
    values = by_budget(grown, budgets=3, at={"split": "test"}, scale=100, units="%")
    assert values.dims == ("method", "budget")
    assert values.budget.values.tolist() == [1, 2, 3]
    np.testing.assert_allclose(values.sel({"method": "many"}), [80, 60, 40])
    np.testing.assert_allclose(values.sel({"method": "few"}), [30, 20, 10])
    assert values.attrs["units"] == "%"


def test_members_that_make_no_equal_parts_leave_the_budgets_unknown(grown: dict[str, xr.Dataset]) -> None:
    values = by_budget(grown, budgets=2, at={"split": "test"})
    np.testing.assert_allclose(values.sel({"method": "many"}), [0.7, 0.4])
    assert values.sel({"method": "few"}).isnull().all()


def test_what_was_not_surveyed_stays_unknown(grown: dict[str, xr.Dataset]) -> None:
    assert by_budget(grown, budgets=3, at={"split": "train"}).isnull().all()


def test_pairs_are_averaged_over_the_members_that_a_network_has() -> None:
    """Distances of points on a line: of 0, 1 and 3 the mean of 1, 2 and 3; of 0 and 5 just 5."""
    places = np.array([[0.0, 1.0, 3.0], [0.0, 5.0, np.nan]])
    apart = abs(places[:, :, None] - places[:, None])
    coords = {"seed": [0, 1], "member": range(3), "other": range(3)}
    datasets = {"apart": xr.Dataset({"distance": (("seed", "member", "other"), apart)}, coords)}
    np.testing.assert_allclose(between_members(datasets, landscape="apart"), [2.0, 5.0])
    alone = {"apart": datasets["apart"].isel(member=[0], other=[0])}
    assert between_members(alone, landscape="apart").isnull().all()


def test_members_lie_along_the_epochs_of_their_snapshots() -> None:
    coords = {"member": range(3), "seed": [7, 8]}
    trace = xr.Dataset({"member_error": (("seed", "member"), np.arange(6).reshape(2, 3))}, coords)
    values = course({"trace": trace}, landscape="trace", variable="member_error", epochs=[0, 5, 10])
    assert values.sel(epoch=5, seed=8).item() == 4
    late = course({"trace": trace}, landscape="trace", variable="member_error", epochs=[0, 5, 10], since=5)
    assert late.epoch.values.tolist() == [5, 10]
    assert late.sel(seed=7).values.tolist() == [1, 2]
    with pytest.raises(ValueError, match="'trace' has 3 members, got 2 epochs"):
        course({"trace": trace}, landscape="trace", variable="member_error", epochs=[0, 5])


def test_pairs_can_be_those_of_members_so_far_apart() -> None:
    """Of four members (i, j) is 10 i + j: consecutive ones are 01, 12, 23 and their mirror images."""
    values = np.add.outer(10.0 * np.arange(4), np.arange(4))
    dims = {"member": range(4), "other": range(4)}
    datasets = {"ensemble": xr.Dataset({"correlation": (list(dims), values)}, dims)}
    consecutive = between_members(datasets, variable="correlation", apart=[1])
    assert consecutive.item() == np.mean([1, 12, 23, 10, 21, 32])
    last = {"member": [1, 2, 3], "other": [1, 2, 3]}
    farther = between_members(datasets, variable="correlation", apart=[2, 3], at=last)
    assert farther.item() == np.mean([13, 31])


def test_the_growth_of_an_ensemble_lies_along_the_epochs_of_its_members_too(
    grown: dict[str, xr.Dataset],
) -> None:
    where = {"split": "test", "method": "many"}
    ends = [10, 20, 30, 40, 50, 60]
    values = course(grown, landscape="ensemble", variable="error_first", per="size", epochs=ends, at=where)
    assert values.sel(epoch=40).item() == 0.6
    assert values.dims == ("epoch",)
