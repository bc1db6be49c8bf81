import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest

from lossatlas.figures import picture, save
from lossatlas.figures.experiments import interactive_surfaces


def test_a_figure_is_written_as_png_and_pdf_of_its_size(tmp_path: Path, sharpness_datasets: Any) -> None:
    cell = {"optimizer": "sgd", "weight_decay": 0.0, "batch_size": 16, "seed": 0}
    one = sharpness_datasets()["weights"].sel(cell).assign_attrs(survey="weights")
    png, pdf = save(picture(one), tmp_path / "new", "weights")
    assert [png.name, pdf.name] == ["weights.png", "weights.pdf"]
    assert matplotlib.image.imread(png).shape[:2] == (390, 540)  # 3.6 x 2.6 inches at 150 dpi
    assert pdf.read_bytes().startswith(b"%PDF")


def test_the_same_figure_gives_the_same_bytes_at_another_time(
    tmp_path: Path, sharpness_datasets: Any
) -> None:
    datasets = sharpness_datasets()
    cell = {"optimizer": "sgd", "weight_decay": 0.0, "batch_size": 16, "seed": 0}
    one = datasets["line"].sel(cell).assign_attrs(survey="line")

    def written(folder: str) -> list[bytes]:
        paths = save(picture(one), tmp_path / folder, "line")
        paths += save(interactive_surfaces(datasets, columns="batch_size"), tmp_path / folder, "surfaces")
        return [path.read_bytes() for path in paths]

    first = written("a")
    time.sleep(1.1)  # a time stamp would have moved on
    assert written("b") == first
    assert not any(re.search(rb"CreationDate|Matplotlib v", content) for content in first[:2])


def test_the_surface_page_needs_nothing_from_elsewhere(tmp_path: Path, sharpness_datasets: Any) -> None:
    (page,) = save(interactive_surfaces(sharpness_datasets(), columns="batch_size"), tmp_path, "surface")
    text = page.read_text(encoding="utf-8")
    assert page.name == "surface.html"
    assert len(text) > 3_000_000  # plotly.js is inside
    assert not re.search(r"<(script|link)[^>]*(src|href)=", text)


def test_what_is_no_figure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cannot save a str; expected a matplotlib or plotly Figure"):
        save("figure", tmp_path, "x")


def test_figures_import_neither_torch_nor_pyplot_nor_a_display() -> None:
    code = "import sys, lossatlas.figures.experiments; "
    code += "print({'torch', 'matplotlib.pyplot', 'hydra', 'wandb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
