import inspect
from typing import Any

import pytest
import xarray as xr

from lossatlas import landscape
from lossatlas.landscape.survey import declaration, products_at_a_point, survey, version_of


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


def test_a_version_may_be_that_of_some_settings_alone() -> None:
    declared = survey(products=None, version=lambda steps, **_: 3 if steps > 5 else 1)(
        lambda problem, steps=5, seed=1: xr.Dataset()
    )
    assert [version_of(declared, settings) for settings in ({}, {"steps": 6}, {"seed": 2})] == [1, 3, 1]


def test_the_versions_that_are_part_of_the_names_of_files() -> None:
    """Raising one computes the survey's landscapes anew; a path of its module is no part of it."""
    surveys = {name: getattr(landscape, name) for name in landscape.__all__}
    raised = {name: version for name, one in surveys.items() if (version := version_of(one, {})) > 1}
    assert raised == {"ensemble": 2, "trajectory": 2}
    assert version_of(landscape.surface, {"sampling": "adaptive"}) == 2
