import inspect
from typing import Any

import pytest
import xarray as xr

from lossatlas import landscape
from lossatlas.landscape.survey import declaration, naming, products_at_a_point, survey, version_at


def plain(problem: Any, *, steps: int = 5, seed: int = 0) -> xr.Dataset:
    return xr.Dataset(attrs={"steps": steps})


def test_a_declared_survey_is_the_function_that_it_was() -> None:
    before = inspect.signature(plain)
    declared = survey(products=None, version=3)(plain)
    assert declared is plain
    assert inspect.signature(declared) == before
    assert declared(None, steps=7).attrs["steps"] == 7
    found = declaration(declared)
    assert found is not None
    assert (found.version, found.products) == (3, None)


def test_products_depend_on_the_settings_that_are_given_and_on_defaults_elsewhere() -> None:
    declared = survey(products=lambda steps, seed, **_: steps + seed)(
        lambda problem, steps=5, seed=1, points=3: xr.Dataset()
    )
    assert products_at_a_point(declared, {}) == 6
    assert products_at_a_point(declared, {"seed": 10, "points": 9}) == 15


def test_products_must_be_said() -> None:
    with pytest.raises(TypeError, match="products"):
        survey()  # type: ignore[call-arg]


@pytest.mark.parametrize("thing", [plain.__name__, landscape.Engine, landscape.evaluate])
def test_what_is_no_survey_declares_nothing(thing: Any) -> None:
    assert declaration(thing) is None
    assert products_at_a_point(thing, {}) is None


def test_a_version_may_depend_on_the_settings() -> None:
    declared = survey(products=None, version=lambda seed, **_: 2 if seed == 7 else 1)(
        lambda problem, steps=5, seed=1: xr.Dataset()
    )
    assert [version_at(declared, settings) for settings in ({}, {"seed": 7}, {"seed": 8})] == [1, 2, 1]


def test_an_option_that_was_added_names_a_dataset_only_where_it_changes_the_numbers() -> None:
    declared = survey(products=None, added={"seed": 0})(plain)
    assert naming(declared, {"steps": 5, "seed": 0}) == {"steps": 5}
    assert naming(declared, {"steps": 5, "seed": 1}) == {"steps": 5, "seed": 1}
    assert naming(print, {"seed": 0}) == {"seed": 0}


def test_the_versions_that_are_part_of_the_names_of_files() -> None:
    """Raising one computes the survey's landscapes anew; a path of its module is no part of it."""
    surveys = {name: each for name in landscape.__all__ if declaration(each := getattr(landscape, name))}

    def raised(**settings: Any) -> dict[str, int]:
        versions = {name: version_at(each, settings) for name, each in surveys.items()}
        return {name: version for name, version in versions.items() if version != 1}

    assert raised() == {"ensemble": 2, "trajectory": 2}
    assert raised(convention="li2018").keys() - raised().keys() == {
        "convexity"
    }  # of other parameters than it was
    assert raised(sampling="adaptive")["surface"] == 2


def test_each_option_that_a_survey_says_was_added_is_one_of_its_own_with_that_default() -> None:
    for name in landscape.__all__:
        each = getattr(landscape, name)
        if found := declaration(each):
            options = inspect.signature(each).parameters
            default = {key: options[key].default for key in found.added}
            # Of configurations, which have lists where signatures have tuples.
            assert {key: list(v) if isinstance(v, tuple) else v for key, v in default.items()} == found.added
