"""A network of the user's own: ``model._target_=theirs.Net`` and its arguments, without a file that lists them."""

from collections.abc import Sequence
from functools import cache

from hydra.core.override_parser.types import Override
from hydra.utils import instantiate
from omegaconf import OmegaConf

from lossatlas.runs.composition.parsing import parsed, texts
from lossatlas.runs.composition.signatures import find_target, signature_of

_OWN = "model=own"

_TARGET = "model._target_"

_FROM_DATA = {
    "input_shape": "${data.shape}",
    "classes": "${data.classes}",
    "num_classes": "${data.classes}",
    "in_chans": "${data.shape.0}",
    "in_channels": "${data.shape.0}",
}
"""Arguments that a network gets from its data if it takes them: ours, and timm's, torchvision's and others'."""

_CONVENTIONS = (
    ("num_classes", "in_chans"),
    ("num_classes", "in_channels"),
    ("classes", "input_shape"),
    ("num_classes",),
    ("classes",),
)
"""Those that go together, in the order in which they are tried on a callable whose signature does not tell."""

_EXAMPLE = {"shape": [3, 32, 32], "classes": 10}
"""Data that such a callable is tried for."""


def expand_own_model(overrides: Sequence[Override]) -> list[str]:
    """Write ``model._target_=theirs.Net`` out as a choice of its own, ``model=own``, whose keys are those typed.

    Without it they would join the keys of the default choice. What the network takes of `_FROM_DATA` is added. Where
    another choice of ``model`` is typed, or no target, the overrides stay as they are.

    >>> expand_own_model([parsed("model._target_=lossatlas.models.MLP"), parsed("model.hidden=[8]")])[:3]
    ['model=own', 'model._target_=lossatlas.models.MLP', '+model.hidden=[8]']
    >>> expand_own_model([parsed("model=mlp"), parsed("model.hidden=[8]")])
    ['model=mlp', 'model.hidden=[8]']
    """
    choices = [o for o in overrides if o.key_or_group == "model"]
    typed = [o for o in overrides if o.key_or_group.startswith("model.")]
    chosen = [o.input_line for o in choices]
    if chosen not in ([], [_OWN]) or not any(o.key_or_group == _TARGET for o in typed):
        return [str(o.input_line) for o in overrides]
    kept = [o for o in overrides if o not in choices and not (o in typed and o.is_delete())]
    given = [o for o in kept if o in typed]
    added = [] if choices else _from_data(given, {o.key_or_group for o in typed})
    return [_OWN, *(_own(o) if o in typed else str(o.input_line) for o in kept), *added]


def _own(override: Override) -> str:
    """Override as a choice without keys needs it, which has room for the target and nothing else."""
    bare = str(override.input_line).lstrip("+")
    return bare if override.key_or_group == _TARGET else f"+{bare}"


def _from_data(given: Sequence[Override], named: set[str]) -> list[str]:
    """Overrides for what all targets in ``given`` take of `_FROM_DATA`, but for the keys that are ``named``."""
    targets = texts(next(o for o in given if o.key_or_group == _TARGET))
    arguments = tuple((o.key_or_group, texts(o)[0]) for o in given if o.key_or_group != _TARGET)
    taken = [_taken(target, arguments) for target in targets]
    keys = [key for key in _FROM_DATA if all(key in found for found in taken)]
    return [f"+model.{key}={_FROM_DATA[key]}" for key in keys if f"model.{key}" not in named]


@cache
def _taken(target: str, arguments: tuple[tuple[str, str], ...]) -> Sequence[str]:
    """Keys of `_FROM_DATA` that ``target`` takes; none if it cannot be imported, which the check will tell."""
    try:
        signature = signature_of(find_target(target))
    except Exception:  # whatever the module raises
        return ()
    if signature.is_closed:
        return [key for key in _FROM_DATA if key in signature.parameters]
    return next((keys for keys in _CONVENTIONS if _builds(target, arguments, keys)), ())


def _builds(target: str, arguments: Sequence[tuple[str, str]], keys: Sequence[str]) -> bool:
    """Whether a target that passes its keywords on makes a network when it is given ``keys`` as well."""
    from torch import device

    config = OmegaConf.create({"data": _EXAMPLE, "model": {"_target_": target}})
    for key, text in (*((f"model.{key}", _FROM_DATA[key]) for key in keys), *arguments):
        OmegaConf.update(config, key, parsed(f"{key}={text}").value(), force_add=True)
    try:
        with device("meta"):  # no memory, no draws
            instantiate(config.model)
    except Exception:  # whatever it raises
        return False
    return True
