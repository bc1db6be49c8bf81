"""Files that `torch.save` has written, read without running code of theirs."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from lossatlas.runs.store.store import StoreError

_LEGACY = b"\x80"  # with which a pickle begins, and so does a file of torch before its archives


class StandIn:
    """Stands for an object of a class, or the result of a function, that reading without code cannot have.

    Each class and function that a file names and torch does not hold for safe has a subclass of its own, ``name``.
    It takes any arguments and keeps none.
    """

    name = ""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __new__(cls, *_: Any, **__: Any) -> "StandIn":
        """Make one of whatever arguments the file has for it."""
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Leave out what the file knows of the object."""


def read_torch_file(path: Path) -> Any:
    """What a file of `torch.save` holds, on the CPU, with a `StandIn` for each object whose class would be code to run.

    Hyper-parameters, numpy's scalars or an ``argparse.Namespace`` beside weights do not keep from reading these.
    `StoreError`, which says why, for a file that cannot be read so.
    """
    with path.open("rb") as file:
        begins_as_a_pickle = file.read(1) == _LEGACY
    if not is_zipfile(path) and not begins_as_a_pickle:
        raise StoreError(f"{path}: not a file of weights; neither torch.save nor safetensors has written it")
    foreign: list[str] = []
    try:
        if is_zipfile(path):  # older files are read as long as they hold tensors and plain values alone
            foreign = sorted(get_unsafe_globals_in_checkpoint(str(path)))
        stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
            (type("StandIn", (StandIn,), {"name": name}), name) for name in foreign
        ]
        with safe_globals(stand_ins), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other versions of pickle, which end in the line below
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever torch makes of foreign bytes
        reason = _reason(error, foreign)
        raise StoreError(
            f"{path}: not a state dict that can be read without running code of the file ({reason}); "
            "save one as torch.save(model.state_dict(), ...)"
        ) from error


def _reason(error: Exception, foreign: list[str]) -> str:
    """Which classes stand in the way, or what torch says."""
    if match := re.search(r"(?i)global:? (?:GLOBAL )?([\w.]+)", str(error)):
        return f"it needs {match[1]}"
    if foreign:
        return f"it needs {', '.join(foreign)}"
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:100]}"
