"""The made-up datasets of the claims' tests, for the figures."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

_PATH = Path(__file__).parents[1] / "claims" / "conftest.py"


@pytest.fixture(scope="session")
def sharpness_datasets() -> Any:
    spec = importlib.util.spec_from_file_location("sharpness_factory", _PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Factory()
