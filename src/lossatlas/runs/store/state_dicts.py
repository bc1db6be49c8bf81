"""Named tensors: read from safetensors files, and held against those of a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lossatlas.runs.store.manifest import StoreError

if TYPE_CHECKING:  # imported where it is used: listing runs does without it
    from torch import Tensor


def check_state(expected: Mapping[str, "Tensor"], found: Mapping[str, "Tensor"], source: Path) -> None:
    """Raise `StoreError`, naming the first difference, unless names and shapes are those of ``expected``."""
    if (differs := difference(expected, found)) is not None:
        raise StoreError(f"{source} holds another network's weights: {differs}")


def difference(expected: Mapping[str, "Tensor"], found: Mapping[str, "Tensor"]) -> str | None:
    """Clause that says how ``found`` first differs from ``expected`` in names or shapes; None if it does not."""
    for name in [*expected, *found]:
        if name not in found:
            return f"it lacks {name}"
        if name not in expected:
            return f"this network has no {name}"
        if found[name].shape != expected[name].shape:
            return f"{name} has shape {tuple(found[name].shape)} there, {tuple(expected[name].shape)} here"
    return None


def load_tensors(path: Path) -> dict[str, "Tensor"]:
    """Named tensors of a safetensors file. `StoreError` if it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise StoreError(f"{path}: not a readable safetensors file ({error})") from error
