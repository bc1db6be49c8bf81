"""Which targets a configuration that was written elsewhere may name: what only computes, and touches no files."""

import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from lossatlas.runs.store.manifest import is_inside

_ROOMS = (
    *("lossatlas.data", "lossatlas.models", "lossatlas.optim", "lossatlas.optim.distancing"),
    *("lossatlas.studies", "lossatlas.toy", "lossatlas.landscape"),
)
"""Of these what is public."""

_NOT_OF_ROOMS = ("Journal", "DirectionFile", "write_directions")
"""What is left out of it, for it writes or reads the file that it is given."""

_NAMED = {
    "torch.nn.functional": (
        *("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div"),
        *("gaussian_nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"),
    ),
    "pytorch_lightning": ("Trainer",),
    "pytorch_lightning.callbacks": (
        *("EarlyStopping", "GradientAccumulationScheduler", "LearningRateMonitor", "DeviceStatsMonitor"),
        *("ModelSummary", "RichModelSummary", "RichProgressBar", "TQDMProgressBar"),
    ),
}

_CLASSES = (
    # package whose name may stand before the class; in which it is defined; of which kind
    ("torch.nn", "torch.nn.modules", "torch.nn.Module"),
    ("torch.optim", "torch.optim", "torch.optim.Optimizer"),
    ("torch.optim.lr_scheduler", "torch.optim", "torch.optim.lr_scheduler.LRScheduler"),
    ("torchvision.models", "torchvision.models", "torch.nn.Module"),
    ("transformers", "transformers.models", "transformers.PreTrainedModel"),
    ("transformers", "transformers.models", "transformers.PretrainedConfig"),
)

_FETCHING = ("timm", "torchvision", "transformers")
_FETCHED = (  # by networks that are not ours: weights, configurations, even code, from a file or from the network
    *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"),
    *("weights", "weights_backbone", "weights_path"),
    *("backbone", "backbone_config", "backbone_kwargs", "use_pretrained_backbone", "use_timm_backbone"),
    *("trust_remote_code", "auto_map", "attn_implementation", "_attn_implementation", "use_kernels"),
    *("experts_implementation", "_experts_implementation", "quantization_config"),
)
_PLAIN = re.compile(r"[\w .+-]*")  # neither a path nor the address of a repository

_PLACES = ("folder", "dirpath", "default_root_dir")  # which have to lie within the run's own folder

_REFERENCE = re.compile(r"\$\{[\w.]+\}")  # to another key of the configuration; resolvers are calls


@dataclass(frozen=True)
class Refusal:
    """A node of a configuration that is not allowed."""

    path: str
    value: Any
    target: str | None  # which to trust, for it to be allowed; None: it is not to be had


def refusals(config: Any, trusted: Collection[str] = (), path: str = "") -> Iterator[Refusal]:
    """What in ``config``, written elsewhere, is not allowed, in its order.

    Allowed are the targets that this module lists, with arguments that name no files and nothing to be fetched, and
    those that are ``trusted`` by their whole names, whatever their arguments.

    >>> config = {"loss": {"_target_": "torch.nn.CrossEntropyLoss"}, "init": {"_target_": "theirs.draw"}}
    >>> [(refusal.path, refusal.value) for refusal in refusals(config)], list(refusals(config, ["theirs.draw"]))
    ([('init._target_', 'theirs.draw')], [])
    """
    if isinstance(config, str) and "${" in _REFERENCE.sub("", config):
        yield Refusal(path, config, None)
    if isinstance(config, Mapping) and "_target_" in config:
        yield from _of_target(config, trusted, path)
    items = config.items() if isinstance(config, Mapping) else enumerate(config) if _is_list(config) else ()
    for key, value in items:
        yield from refusals(value, trusted, f"{path}.{key}" if path else str(key))


def _of_target(node: Mapping[str, Any], trusted: Collection[str], path: str) -> Iterator[Refusal]:
    target = node["_target_"]
    if not isinstance(target, str):
        yield Refusal(f"{path}._target_", target, None)
    elif target not in trusted:
        if not is_allowed(target):
            yield Refusal(f"{path}._target_", target, target)
            return
        for key, value in node.items():
            if not _argument_is_allowed(target, str(key), value):
                yield Refusal(f"{path}.{key}", value, target)


def is_allowed(target: str) -> bool:
    """Whether anybody's configuration may name ``target``. Of other packages than those listed nothing is imported.

    >>> is_allowed("torch.optim.SGD"), is_allowed("torch.load"), is_allowed("lossatlas.models.MLP")
    (True, False, True)
    """
    module, _, name = target.rpartition(".")
    if module in _ROOMS:
        return name in import_module(module).__all__ and name not in _NOT_OF_ROOMS
    return name in _NAMED.get(module, ()) or _is_class(module, name) or _is_builder(module, name)


def _is_class(module: str, name: str) -> bool:
    """Whether it is a class of one of `_CLASSES`, and not one that its module has from elsewhere."""
    for package, home, base in _CLASSES:
        if module == package or _is_within(module, home):
            found, kind = _found(module, name), _found(*base.rsplit(".", 1))
            if inspect.isclass(found) and inspect.isclass(kind) and issubclass(found, kind):
                return _is_within(found.__module__, home)
    return False


def _is_builder(module: str, name: str) -> bool:
    """Whether it is a function of torchvision or timm that makes one of its networks."""
    if _is_within(module, "torchvision.models"):
        known = name == "get_model" or name in _found("torchvision.models", "list_models")()
    elif module == "timm" or _is_within(module, "timm.models"):
        is_model = _found("timm", "is_model")
        known = name == "create_model" or (is_model is not None and is_model(name))
    else:
        return False
    found = _found(module, name)
    return known and inspect.isfunction(found) and _is_within(found.__module__, module.partition(".")[0])


def _argument_is_allowed(target: str, key: str, value: Any) -> bool:
    if key == "_args_":  # by position, what must not be given by name
        return not value
    if key in _PLACES and isinstance(value, str):
        return is_inside(value)
    if key == "journal":
        return value is None
    if target.partition(".")[0] not in _FETCHING:
        return True
    return key == "_target_" or (_is_plain(value) and (key not in _FETCHED or not value))


def _is_plain(value: Any) -> bool:
    """Whether all text in it names something by a word; what nodes with targets of their own hold is their matter."""
    if isinstance(value, Mapping):
        return "_target_" in value or all(map(_is_plain, value.values()))
    if _is_list(value):
        return all(map(_is_plain, value))
    return not isinstance(value, str) or _PLAIN.fullmatch(value) is not None


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _found(module: str, name: str) -> Any:
    """What a module has under the name; None if it cannot be imported, as a package that is not installed."""
    try:
        return getattr(import_module(module), name, None)
    except Exception:  # whatever the module raises
        return None
