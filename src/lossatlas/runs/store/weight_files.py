"""Weights from files of anybody's: safetensors, state dicts of torch, checkpoints of Lightning."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lossatlas.runs.store.store import StoreError, check_state, load_tensors

_INSIDE = ("state_dict", "model_state_dict", "model", "network")
"""Keys under which checkpoints keep a network's state dict, in the order in which they are looked for."""


def load_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the file ``path`` under the names of ``expected``, a network's state dict.

    A prefix that all these names have in the file, as "model." in a checkpoint of Lightning or "module." in one of
    DataParallel, is taken off; what the file then holds beside them is left out. No code of the file is run.
    `StoreError` if it cannot be read, or, naming the first difference, if it is another network's.
    """
    return fitted(_read_tensors(path), expected, path)


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, as they are named there. `StoreError` if it holds none that can be read."""
    if not path.is_file():
        raise StoreError(f"{path}: no such file")
    content: Mapping[str, Any] = load_tensors(path) if path.suffix == ".safetensors" else _pickled(path)
    inside = next((key for key in _INSIDE if isinstance(content.get(key), Mapping)), None)
    tensors = content if inside is None else content[inside]
    found = {str(name): value for name, value in tensors.items() if isinstance(value, Tensor)}
    if not found:
        raise StoreError(
            f"{path}: holds no state dict; expected one saved as torch.save(model.state_dict(), ...)"
        )
    return found


def fitted(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: Path) -> dict[str, Tensor]:
    """Those of ``found`` that ``expected`` names, whatever prefix they share; see `load_weights`.

    >>> expected = {"weight": torch.zeros(2), "bias": torch.zeros(1)}
    >>> found = {"net.weight": torch.ones(2), "net.bias": torch.ones(1), "loss.weight": torch.ones(3)}
    >>> fitted(found, expected, Path("last.ckpt"))
    {'weight': tensor([1., 1.]), 'bias': tensor([1.])}
    """
    first = next(iter(expected))
    prefixes = [name.removesuffix(first) for name in found if name == first or name.endswith(f".{first}")]
    candidates = [_without(prefix, found, expected) for prefix in prefixes or [""]]
    best = min(candidates, key=lambda candidate: len(expected.keys() - candidate.keys()))
    check_state(expected, best, source)
    return {name: best[name] for name in expected}


def _without(prefix: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors with ``prefix``, without it; counters that older files lack are those of the network."""
    inner = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
    counters = {name: tensor for name, tensor in expected.items() if name.endswith("num_batches_tracked")}
    return {**counters, **inner}


def _pickled(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise StoreError(
            f"{path}: not a state dict that can be read without running code of the file; "
            "save one as torch.save(model.state_dict(), ...)"
        ) from error
    if not isinstance(content, Mapping):
        raise StoreError(f"{path}: holds a {type(content).__name__}, expected a state dict")
    return dict(content)
