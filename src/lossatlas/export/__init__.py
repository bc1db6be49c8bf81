"""Landscapes in the formats of other programs: functions from datasets to files, and back from those of Li et al.

No torch, nothing computed here.

>>> import xarray as xr
>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> bowl = xr.Dataset(
...     {"loss": (("split", "y", "x"), [[[2.0, 1.0, 2.0], [1.0, 0.0, 1.0]]])},
...     {"split": ["train"], "y": [-1.0, 0.0], "x": [-1.0, 0.0, 1.0]},
... )
>>> with TemporaryDirectory() as folder:
...     [path.name for name in ENDINGS for path in write(bowl, Path(folder) / f"bowl{ENDINGS[name]}")]
['bowl.h5', 'bowl.vtu', 'bowl.csv']
"""

from lossatlas.export.formats import ENDINGS, WRITERS, write
from lossatlas.export.layout import NoPlaceError
from lossatlas.export.li2018 import from_hdf5, to_hdf5
from lossatlas.export.mesh import to_vtk
from lossatlas.export.table import tables, to_csv

__all__ = [
    "ENDINGS",
    "WRITERS",
    "NoPlaceError",
    "from_hdf5",
    "tables",
    "to_csv",
    "to_hdf5",
    "to_vtk",
    "write",
]
