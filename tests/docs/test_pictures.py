"""Pictures of the handbook: what is committed is what their scripts draw."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
NAMES = sorted(path.stem for path in PICTURES.glob("*.png"))
LARGEST = 100_000  # bytes


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PICTURES))
    specification = importlib.util.spec_from_file_location(f"picture_{name}", PICTURES / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules.pop("png", None)
    specification.loader.exec_module(module)
    return module


def choices(group: str) -> set[str]:
    return {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_small_and_stands_on_a_page(name: str) -> None:
    assert (PICTURES / f"{name}.png").stat().st_size < LARGEST
    assert any(f"(pictures/{name}.png)" in page.read_text() for page in (ROOT / "docs").glob("*.md"))


def test_every_schedule_is_drawn_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "schedules.md").read_text()
    assert set(script("schedules", monkeypatch).SHOWN) == choices("scheduler")
    assert [choice for choice in choices("scheduler") if f"`{choice}`" not in page] == []


def test_every_optimizer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "optimizers.md").read_text()
    assert [choice for choice in choices("optimizer") if f"`{choice}`" not in page] == []
    shown = {choice for panel in script("optimizers", monkeypatch).PANELS.values() for choice in panel[-1]}
    assert shown <= choices("optimizer")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if (PICTURES / f"{name}.py").exists()])
def test_a_picture_is_what_its_script_draws(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for a few pixels of text, which another matplotlib may set otherwise."""
    module: Any = script(name, monkeypatch)
    module.write(module.draw(), tmp_path / "drawn.png")
    drawn, kept = (
        np.asarray(Image.open(path).convert("RGB"), dtype=float)
        for path in (tmp_path / "drawn.png", PICTURES / f"{name}.png")
    )
    assert drawn.shape == kept.shape
    assert (np.abs(drawn - kept).max(-1) > 40).mean() < 0.01
