import pytest

from lossatlas.claims import landscapes_of

MEASURES = "lossatlas.claims.measures"


def test_landscapes_are_found_in_measures_of_measures() -> None:
    width = {"_target_": f"{MEASURES}.width", "_partial_": True, "landscape": "line_layer", "level": 1.0}
    claim = {
        "_target_": "lossatlas.claims.RankCorrelation",
        "id": "L-A2",
        "measure": {
            "_target_": f"{MEASURES}.ratio",
            "of": {"_target_": f"{MEASURES}.spread", "of": width},
            "to": width,
        },
        "other": {"_target_": f"{MEASURES}.value", "landscape": "summary", "variable": "test_error"},
        "at": {"landscape_is_no_key_here": 1},
        "paper": None,
    }
    assert landscapes_of(claim) == {"line_layer", "summary"}


@pytest.mark.parametrize(
    ("measure", "default"),
    [("area", "surface"), ("rise", "line"), ("share_above", "convexity"), ("log10", None)],
)
def test_a_landscape_that_is_not_named_is_the_one_that_the_measure_takes(
    measure: str, default: str | None
) -> None:
    claim = {
        "_target_": "lossatlas.claims.Trend",
        "measure": {"_target_": f"{MEASURES}.{measure}", "_partial_": True},
    }
    assert landscapes_of(claim) == ({default} if default else set())


def test_a_measure_that_is_not_there_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"_target_: lossatlas\.claims\.measures\.areas: expected a class or function"
    ):
        landscapes_of({"measure": {"_target_": f"{MEASURES}.areas"}})
    with pytest.raises(
        ValueError, match="_target_: mine: expected a class or function that is there; No module"
    ):
        landscapes_of({"_target_": "mine"})
