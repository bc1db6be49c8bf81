"""What the pictures of initialisations and normalisations show, with smaller networks."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PICTURES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def initialization() -> ModuleType:
    module = script("initialization")
    module.WIDTH, module.DEPTH, module.SIDE = 64, 12, 8
    return module


def test_signals_stay_where_theory_has_them_stay(initialization: ModuleType) -> None:
    """With ReLU Kaiming's and LSUV's keep them, LeCun's halve them in each layer."""
    last = {
        name: initialization.moments("relu", initialise)[-1]
        for name, initialise in initialization.INITIALISATIONS.items()
    }
    assert 0.3 < last["kaiming"] < 10
    assert 0.5 < last["lsuv"] < 2
    assert 0.2 < last["lecun"] * 2**11 < 5


def test_orthogonal_layers_are_near_an_isometry_with_tanh_and_not_with_relu(
    initialization: ModuleType,
) -> None:
    tanh = initialization.singular_values("tanh", initialization.orthogonal)
    relu = initialization.singular_values("relu", initialization.orthogonal)
    assert tanh[len(tanh) // 2] > 0.8
    assert relu[len(relu) // 2] < 1e-6


def test_what_is_taken_together_is_what_the_kinds_say() -> None:
    module = script("normalization")
    expected = {kind: np.zeros((6, 8), dtype=bool) for kind in module.KINDS}
    expected["batch"][:, 2] = True
    expected["layer, RMS"][2] = True
    expected["instance"][2, 2] = True
    expected["group, 2 groups"][2, :4] = True
    expected["deconvolution"][:, :4] = True
    for kind, normalize in module.KINDS.items():
        np.testing.assert_array_equal(module.together(normalize), expected[kind])


@pytest.mark.parametrize("name", ["initialization", "normalization"])
def test_the_picture_that_is_shown_is_small_and_named_on_its_page(name: str) -> None:
    assert (PICTURES / f"{name}.png").stat().st_size < 100_000
    assert f"pictures/{name}.png" in (PICTURES.parent / f"{name}.md").read_text(encoding="utf-8")
