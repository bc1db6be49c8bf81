import pytest

from lossatlas.choices import chosen


def test_a_name_that_is_near_to_none_gets_no_hint() -> None:
    with pytest.raises(ValueError, match=r"unknown how 'x', expected one of filter, layer$"):
        chosen("how", "x", {"filter": 1, "layer": 2})


def test_a_misspelt_name_gets_the_nearest_as_a_hint() -> None:
    with pytest.raises(ValueError, match=r"\(did you mean layer\?\)$"):
        chosen("how", "layers", {"filter": 1, "layer": 2})
