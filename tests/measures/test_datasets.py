from functools import partial

import pytest
import xarray as xr

from lossatlas import measures
from lossatlas.measures import area, at, measured, on, percent, reads

SUMMARY = xr.Dataset({"test_error": ("seed", [0.25, 0.125], {"units": "1"})})


def test_a_measure_reads_the_datasets_that_its_arguments_are_called_after() -> None:
    def both(surface: xr.Dataset, *, summary: xr.Dataset, level: float = 0.1) -> xr.DataArray:
        return area(surface, level=level) + summary["test_error"]

    assert reads(both) == ("surface", "summary")
    assert reads(partial(area, level=0.1)) == ("surface",)
    assert reads(measures.rise) == ("line",)
    assert reads(lambda: SUMMARY["test_error"]) == ()


def test_a_measure_is_named_after_its_variable_whatever_xarray_keeps() -> None:
    for keep in (True, False):
        with xr.set_options(keep_attrs=keep):
            plain = measured(lambda summary: summary["test_error"], {"summary": SUMMARY})
            scaled = measured(lambda summary: 100 * summary["test_error"], {"summary": SUMMARY})
        assert plain.attrs == {"long_name": "test error", "units": ""}
        assert scaled.attrs == {"long_name": "test error", "units": ""}
    nameless = measured(lambda: xr.DataArray([1.0], dims="seed"), {})
    assert nameless.attrs["long_name"] == "the measure"


def test_a_dataset_or_variable_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"no landscape 'sumary'; there are \['summary'\]"):
        measured(lambda sumary: sumary["test_error"], {"summary": SUMMARY})
    with pytest.raises(KeyError, match="tset_error"):
        measured(lambda summary: summary["tset_error"], {"summary": SUMMARY})


def test_the_same_measure_is_taken_of_what_a_paper_printed() -> None:
    def error(history: xr.Dataset) -> xr.DataArray:
        return percent(at(history["error"], epoch=2))

    history = xr.Dataset({"error": ("epoch", [0.5, 0.25])}, {"epoch": [1, 2]})
    printed = on("reference", error)
    assert reads(printed) == ("reference",)
    assert measured(printed, {"reference": history}).item() == 25
