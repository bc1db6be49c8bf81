"""Weights from files of anybody's: safetensors, state dicts of torch, checkpoints of Lightning and of scripts.

A file may hold several state dicts at any depth, and a state dict several networks, each under a prefix of its own.
The place of a network in a file is the path to its tensors, with dots: "state_dict.net" of a network that has
``net.0.weight`` and the like in the mapping ``state_dict``, "." of one whose state dict the file itself is.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lossatlas.choices import nearest
from lossatlas.runs.store.state_dicts import difference, load_tensors
from lossatlas.runs.store.store import StoreError
from lossatlas.runs.store.torch_files import StandIn, read_torch_file

_WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
"""Parts of names that torch.compile, FSDP and activation checkpointing add, anywhere in a name."""

_TOP = "."  # the place of a network whose tensors lie in the file without a prefix

_LISTED = 8  # names that a message may list


def load_weights(
    path: Path, expected: Mapping[str, Tensor], ckpt_key: str | None = None
) -> dict[str, Tensor]:
    """Tensors of the file ``path`` under the names of ``expected``, a network's state dict.

    They are looked for at any depth, and under any prefix that all these names have, as "model." in a checkpoint of
    Lightning or "module." in one of DataParallel; what the file holds beside them is left out. Names that ``expected``
    ties, being one tensor, may be there once. No code of the file is run.

    Parameters
    ----------
    path : Path
        A file of safetensors, or one that torch.save has written.
    expected : mapping of str to Tensor
        The state dict of the network itself, in whose memory tied tensors are known.
    ckpt_key : str, optional
        Place in the file where the network is looked for, as "state_dict.ema".

    Raises
    ------
    StoreError
        If the file cannot be read; if several networks in it fit and are not the same; or, naming the first
        difference, if none does.
    """
    return _chosen(path, expected, ckpt_key).tensors


def place_of_weights(path: Path, expected: Mapping[str, Tensor], ckpt_key: str) -> str | None:
    """Place of the network that ``ckpt_key`` chooses in the file; None if it is the one that is taken without a key.

    `StoreError` as for `load_weights`.
    """
    candidates = list(_candidates(path, expected))
    chosen = _choice(candidates, path, expected, ckpt_key)
    try:
        default = _choice(candidates, path, expected, None)
    except StoreError:
        return chosen.place
    return None if default.is_same(chosen) else chosen.place


@dataclass(frozen=True)
class _Candidate:
    """Tensors of a file that may be the network's."""

    place: str
    tensors: dict[str, Tensor]  # under the network's names; those of other shapes are there too
    unfit: int  # how many of the network's tensors are missing or have another shape
    difference: str | None  # the first, also of names that the network does not have

    def is_same(self, other: "_Candidate") -> bool:
        """Whether the tensors are those of the other, to the bit."""
        return all(
            torch.equal(tensor, other.tensors[name]) and tensor.dtype == other.tensors[name].dtype
            for name, tensor in self.tensors.items()
        )


def _chosen(path: Path, expected: Mapping[str, Tensor], ckpt_key: str | None) -> _Candidate:
    return _choice(list(_candidates(path, expected)), path, expected, ckpt_key)


def _choice(
    candidates: Sequence[_Candidate], path: Path, expected: Mapping[str, Tensor], ckpt_key: str | None
) -> _Candidate:
    """The candidate that is the network. `StoreError` if there is none, or if it is not clear which one is."""
    if ckpt_key is not None:
        candidates = _at(ckpt_key, candidates, path)
    fitting = [candidate for candidate in candidates if not candidate.unfit]
    if any(not fitting[0].is_same(candidate) for candidate in fitting[1:]):
        places = [candidate.place for candidate in fitting]
        raise StoreError(
            f"{path} holds {len(places)} networks that fit, {_listed(places)}: say which, as ckpt_key={places[0]}"
        )
    best = min(
        fitting or candidates, key=lambda candidate: (candidate.unfit, candidate.difference is not None)
    )
    if best.difference is None:
        return best
    where = "" if best.place == _TOP else f", under {best.place}"
    half = len(expected) / 2
    others = [
        candidate.place for candidate in candidates if candidate is not best and candidate.unfit <= half
    ]
    also = f"; it has tensors under {_listed(others)} as well" if others else ""
    raise StoreError(f"{path} holds another network's weights{where}: {best.difference}{also}")


def _at(ckpt_key: str, candidates: Sequence[_Candidate], path: Path) -> Sequence[_Candidate]:
    """Those at or below the place ``ckpt_key``; the one there alone if it fits."""
    places = [candidate.place for candidate in candidates]
    found = [c for c in candidates if c.place == ckpt_key or c.place.startswith(f"{ckpt_key}.")]
    if not found:
        raise StoreError(
            f"{path}: ckpt_key={ckpt_key}: no network's tensors lie there; {nearest(ckpt_key, places)}"
        )
    return [c for c in found if c.place == ckpt_key and not c.unfit] or found


def _candidates(path: Path, expected: Mapping[str, Tensor]) -> Iterator[_Candidate]:
    """Each state dict in the file under each prefix under which it has one of the network's names."""
    content = _content(path)
    state_dicts = dict(_state_dicts(content))
    if not state_dicts:
        raise StoreError(
            f"{path}: holds no state dict{', but ' * bool(content)}{_listed(_keys(content))}; "
            "expected one saved as torch.save(model.state_dict(), ...)"
        )
    names = {_unwrapped(name): name for name in expected}
    found_some = False
    for place, state in state_dicts.items():
        plain = {_unwrapped(name): tensor for name, tensor in state.items()}
        if len(plain) < len(state):  # the network with and without its wrapper
            plain = dict(state)
        for prefix in _prefixes(plain, names):
            found_some = True
            inner = {
                name.removeprefix(prefix): tensor for name, tensor in plain.items() if name.startswith(prefix)
            }
            found = {names.get(name, name): tensor for name, tensor in inner.items()}
            yield _candidate(".".join(filter(None, (place, prefix.rstrip(".")))) or _TOP, found, expected)
    if not found_some:
        raise StoreError(
            f"{path} holds another network's weights: it lacks {next(iter(expected))}; it has {_listed(_keys(content))}"
        )


def _candidate(place: str, found: dict[str, Tensor], expected: Mapping[str, Tensor]) -> _Candidate:
    """``found`` as the network has it: with names that are tied, and counters that older files lack."""
    untied = None
    for name, other in _tied(expected):
        if name in found and other in found and not torch.equal(found[name], found[other]):
            untied = untied or f"{name} and {other}, which are one tensor here, differ there"
        for one, same in ((name, other), (other, name)):
            if same in found:
                found.setdefault(one, found[same])
    for name, tensor in expected.items():
        if name.endswith("num_batches_tracked"):
            found.setdefault(name, tensor)
    unfit = sum(name not in found or found[name].shape != tensor.shape for name, tensor in expected.items())
    own = {name: found[name] for name in expected if name in found}
    return _Candidate(place, own, unfit, difference(expected, found) or untied)


def _tied(expected: Mapping[str, Tensor]) -> Iterator[tuple[str, str]]:
    """Names of one tensor: each later one with the first.

    >>> weight = torch.zeros(2, 3)
    >>> list(_tied({"in.weight": weight, "bias": torch.zeros(2), "out.weight": weight}))
    [('in.weight', 'out.weight')]
    """
    first: dict[tuple[Any, ...], str] = {}
    for name, tensor in expected.items():
        if tensor.numel() and tensor.device.type != "meta":
            memory = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
            if first.setdefault(memory, name) != name:
                yield first[memory], name


def _prefixes(found: Mapping[str, Tensor], names: Mapping[str, str]) -> list[str]:
    """Prefixes, with their dots, under which ``found`` has one of ``names``, in their order.

    >>> _prefixes({"net.0.weight": torch.zeros(1), "ema.module.0.weight": torch.zeros(1)}, {"0.weight": "0.weight"})
    ['net.', 'ema.module.']
    """
    counted: Counter[str] = Counter()
    for name in found:
        starts = [0, *(place + 1 for place, letter in enumerate(name) if letter == ".")]
        counted.update(name[:start] for start in starts if name[start:] in names)
    return list(counted)


def _unwrapped(name: str) -> str:
    """``name`` without the parts that wrappers have added to it.

    >>> _unwrapped("net._orig_mod.0._fsdp_wrapped_module.weight")
    'net.0.weight'
    """
    for part in _WRAPPERS:
        name = name.replace(part, "")
    return name


def _content(path: Path) -> Any:
    if not path.is_file():
        raise StoreError(
            f"{path}: {'a folder, expected a file of weights' if path.is_dir() else 'no such file'}"
        )
    content = load_tensors(path) if path.suffix == ".safetensors" else read_torch_file(path)
    if isinstance(content, StandIn):
        raise StoreError(
            f"{path}: holds a {content.name}, not a state dict that can be read without running code of the file; "
            "save one as torch.save(model.state_dict(), ...)"
        )
    if not isinstance(content, Mapping):
        raise StoreError(f"{path}: holds a {type(content).__name__}, expected a state dict")
    return content


def _state_dicts(
    node: Any, path: str = "", above: tuple[int, ...] = ()
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Each mapping at any depth that has tensors in it, with these, by its path.

    >>> found = dict(_state_dicts({"epoch": 3, "model": {"state_dict": {"weight": torch.zeros(1)}}}))
    >>> found
    {'model.state_dict': {'weight': tensor([0.])}}
    """
    if not isinstance(node, Mapping | list | tuple) or id(node) in above:
        return
    items = list(node.items() if isinstance(node, Mapping) else enumerate(node))
    tensors = {str(name): value for name, value in items if isinstance(value, Tensor)}
    if tensors and isinstance(node, Mapping):
        yield path, tensors
    for name, value in items:
        yield from _state_dicts(value, f"{path}.{name}" if path else str(name), (*above, id(node)))


def _keys(content: Mapping[Any, Any]) -> list[str]:
    """Keys at the top of a file, those of objects with their classes.

    >>> _keys({"epoch": 3, "net": type("Net", (StandIn,), {"name": "theirs.Net"})()})
    ['epoch', 'net (theirs.Net)']
    """
    return [
        f"{key} ({value.name})" if isinstance(value, StandIn) else str(key) for key, value in content.items()
    ]


def _listed(names: Sequence[str]) -> str:
    """The first of ``names``, as they are enumerated in a sentence.

    >>> _listed(["net"]), _listed(["net", "acc", "epoch"]), _listed([str(n) for n in range(12)])
    ('net', 'net, acc and epoch', '0, 1, 2, 3, 4, 5, 6, 7 and 4 more')
    """
    shown = list(names[:_LISTED])
    if more := len(names) - len(shown):
        shown.append(f"{more} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))
