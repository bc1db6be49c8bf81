import numpy as np
import xarray as xr

from lossatlas.figures import picture


def ensemble(members: int, *, best: bool = True) -> xr.Dataset:
    """Errors and correlations of so many members on two splits, those of "test" larger."""
    rng = np.random.default_rng(0)
    sizes, which = range(1, members + 1), ["first", "last", *(["best"] if best else [])]
    coords = {
        "split": ["validation", "test"],
        "size": sizes,
        "member": range(members),
        "other": range(members),
    }
    split = np.array([0.0, 0.5])[:, None]
    variables: dict = {
        f"error_{name}": (("split", "size"), split + rng.uniform(0, 0.4, members)) for name in which
    }
    variables["member_error"] = (("split", "member"), split + rng.uniform(0, 0.4, members))
    variables["correlation"] = (("split", "member", "other"), rng.uniform(0.5, 0.9, (2, members, members)))
    return xr.Dataset(variables, coords, {"survey": "ensemble"})


def test_the_growth_of_each_order_is_drawn_in_percent_on_the_last_split() -> None:
    dataset = ensemble(4)
    growth, matrix = picture(dataset).axes[:2]
    drawn = {line.get_label(): line.get_ydata() for line in growth.lines}
    assert list(drawn) == ["each alone", "first m", "last m", "best m"]
    for which in ("first", "last", "best"):
        np.testing.assert_allclose(drawn[f"{which} m"], 100 * dataset[f"error_{which}"].sel(split="test"))
    np.testing.assert_allclose(drawn["each alone"], 100 * dataset.member_error.sel(split="test"))
    assert growth.get_title() == "test error of the ensemble"
    (image,) = matrix.images
    shown = np.ma.getdata(image.get_array())
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(shown[off], dataset.correlation.sel(split="test").values[off])


def test_without_a_validation_split_there_is_no_best_and_one_member_has_no_matrix() -> None:
    (growth,) = picture(ensemble(1, best=False)).axes
    assert [line.get_label() for line in growth.lines] == ["each alone", "first m", "last m"]
