"""Files of datasets in which no bit changes unnoticed."""

import random
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from lossatlas.netcdf import DIGEST, read_netcdf, write_netcdf


@pytest.fixture
def dataset() -> xr.Dataset:
    """All that landscapes hold: arrays, single numbers, text, truth values, nothing."""
    draws = np.random.default_rng(0)
    units = {"long_name": "mean loss", "units": "1"}
    return xr.Dataset(
        {
            "loss": (("split", "alpha"), draws.random((2, 5)), units),
            "rise": ("alpha", draws.random(5).astype("float32")),
            "products": ((), 1234567, {"units": "1"}),
            "trace": ((), draws.random()),
            "finite": ("alpha", [True, False, True, True, False]),
            "nothing": ("none", np.zeros(0)),
        },
        {
            "split": ["train", "test"],
            "alpha": ("alpha", np.linspace(-1, 1, 5), {"units": "1"}),
            "layer": ("alpha", ["a", "bb", "c", "dé", "e"]),
            "device": ((), "a processor"),
        },
        {"seed": 1, "extent": 0.25, "missing": float("nan"), "network": "Müller's"},
    )


@pytest.fixture
def path(tmp_path: Path, dataset: xr.Dataset) -> Path:
    write_netcdf(dataset, tmp_path / "folder" / "file.nc")
    return tmp_path / "folder" / "file.nc"


def test_a_dataset_comes_back_as_it_was(path: Path, dataset: xr.Dataset) -> None:
    xr.testing.assert_identical(read_netcdf(path), dataset)
    assert [file.name for file in path.parent.iterdir()] == ["file.nc"]


def test_plain_xarray_reads_the_file_and_finds_the_digest_among_its_attributes(
    path: Path, dataset: xr.Dataset
) -> None:
    plain = xr.load_dataset(path)
    assert len(plain.attrs[DIGEST]) == 64
    xr.testing.assert_identical(plain.drop_attrs(), dataset.drop_attrs())


def test_an_attribute_of_that_name_from_an_earlier_file_is_not_taken_over(
    path: Path, dataset: xr.Dataset
) -> None:
    write_netcdf(dataset.assign_attrs({DIGEST: "of another"}), path.with_name("again.nc"))
    first, second = (xr.load_dataset(file).attrs[DIGEST] for file in path.parent.iterdir())
    assert first == second


@pytest.mark.parametrize(
    "name", ["loss", "rise", "products", "trace", "finite", "alpha", "split", "layer", "device"]
)
def test_a_bit_of_any_value_that_changes_is_noticed(path: Path, dataset: xr.Dataset, name: str) -> None:
    values = dataset[name].values
    text = values.dtype.kind == "U"
    stored = (
        str(values.ravel()[-1]).encode()
        if text
        else values.astype("i1" if name == "finite" else values.dtype).tobytes()
    )
    whole = path.read_bytes()
    places = [k for k in range(len(whole)) if whole.startswith(stored, k)]
    assert places
    noticed = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        try:
            assert read_netcdf(path)[name].identical(dataset[name])  # the same bytes, of something else
        except ValueError:
            noticed += 1
    assert noticed


def test_whichever_bit_changes_no_value_is_read_as_another(path: Path, dataset: xr.Dataset) -> None:
    draw, whole = random.Random(0), path.read_bytes()
    for _ in range(40):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            found = read_netcdf(path)
        except ValueError:
            continue
        assert found.drop_attrs().identical(dataset.drop_attrs())


def test_files_without_a_digest_are_read_as_they_are(path: Path, dataset: xr.Dataset) -> None:
    """Those of older versions, and of anybody."""
    dataset.to_netcdf(path, engine="h5netcdf")
    xr.testing.assert_identical(read_netcdf(path), dataset)


def test_what_is_absent_is_not_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_netcdf(tmp_path / "absent.nc")
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(ValueError, match=rf"^{tmp_path}/text\.nc: damaged, or not netCDF \("):
        read_netcdf(tmp_path / "text.nc")


def test_a_file_that_has_its_content_elsewhere_is_not_read(path: Path) -> None:
    """HDF5 would read any file that a link or a dataset names."""
    other = path.with_name("other.h5")
    with h5py.File(other, "w") as file:
        file["secret"] = [1.0]
    with h5py.File(path, "r+") as file:
        file["linked"] = h5py.ExternalLink(str(other), "secret")
    with pytest.raises(ValueError, match="linked lies in another file"):
        read_netcdf(path)
    with h5py.File(path, "r+") as file:
        del file["linked"]
        file.create_dataset("outside", (4,), "u1", external=[(str(other), 0, 4)])
    with pytest.raises(ValueError, match="outside lies in another file"):
        read_netcdf(path)
