"""Curves that a paper printed, as a table and as a dataset."""

from pathlib import Path

import numpy as np
import pytest

from lossatlas.experiments.printed_curves import read_reference

ROWS = """model,strength,quantity,epoch,value
wide,10,test_error,101,0.5
wide,10,test_error,102,0.25
deep,0.1,test_error,102,0.125
deep,0.1,squared_distance_0,150,2000
"""
PLANNED = {"model": ["deep", "wide"], "strength": [0.1, 1, 10], "seed": [0, 1]}


def written(folder: Path, text: str) -> Path:
    file = folder / "reference.csv"
    file.write_text(text)
    return file


def test_each_quantity_lies_over_the_axes_that_have_a_column_and_epoch(tmp_path: Path) -> None:
    dataset = read_reference(written(tmp_path, ROWS), PLANNED)
    assert dict(dataset.sizes) == {"model": 2, "strength": 2, "epoch": 3}
    assert set(dataset) == {"test_error", "squared_distance_0"}
    wide = dataset.sel(model="wide", strength=10)
    np.testing.assert_equal(wide.test_error.values, [0.5, 0.25, np.nan])
    np.testing.assert_equal(wide.squared_distance_0.values, [np.nan] * 3)
    assert dataset.squared_distance_0.sel(model="deep", strength=0.1, epoch=150) == 2000
    assert dataset.model.values.tolist() == ["wide", "deep"]  # as they come


def test_values_of_axes_are_what_the_sweep_takes_them_for(tmp_path: Path) -> None:
    text = "skip,weight_decay,quantity,epoch,value\ntrue,5e-4,lr,1,0.1\nfalse,0.0005,lr,1,0.2\n"
    dataset = read_reference(written(tmp_path, text), {"skip": [True, False], "weight_decay": [0, 5e-4]})
    assert dataset.weight_decay.values.tolist() == [0.0005]
    rates = dataset.lr.sel(weight_decay=5e-4, epoch=1)
    assert rates.reindex(skip=np.array([False, True])).values.tolist() == [0.2, 0.1]


def test_a_table_without_axes_is_one_curve_for_each_quantity(tmp_path: Path) -> None:
    dataset = read_reference(written(tmp_path, "quantity,epoch,value\nlr,2,0.1\nlr,1,0.2\n"), PLANNED)
    assert dataset.lr.dims == ("epoch",)
    assert dataset.lr.sel(epoch=[1, 2]).values.tolist() == [0.2, 0.1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "strength",
            "force",
            "^reference.csv: the column 'force' is no axis; these are model, strength, seed$",
        ),
        (",value", ",height", "^reference.csv: no column 'value'; expected quantity, epoch, value and axes$"),
        (
            "deep,0.1,t",
            "deep,3,t",
            r"^reference.csv, line 4: strength 3 is not swept; it has \[0.1, 1, 10\]$",
        ),
        ("0.25", "", "^reference.csv, line 3: value must be a finite number, got ''$"),
        ("150", "late", "^reference.csv, line 5: epoch must be a finite number, got 'late'$"),
        (
            "test_error,102,0.25",
            "test_error,101,0.25",
            "^reference.csv, line 3: a second value of model wide, strength 10, quantity test_error, epoch 101",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in ROWS
    with pytest.raises(ValueError, match=message):
        read_reference(written(tmp_path, ROWS.replace(old, new)), PLANNED)


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^reference\.csv: no such file in "):
        read_reference(tmp_path / "reference.csv", PLANNED)


def test_an_axis_whose_values_nobody_planned_takes_any(tmp_path: Path) -> None:
    assert read_reference(written(tmp_path, ROWS), {**PLANNED, "strength": []}).sizes["strength"] == 2
