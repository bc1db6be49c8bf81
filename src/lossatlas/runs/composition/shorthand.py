"""Shorthand: keys of the one logger that is chosen, typed without its name."""

import re
from collections.abc import Sequence

CHOICES = ("csv", "tensorboard", "wandb")
"""Those of the group ``logger``; somebody's own may stand under "logger" itself, without a name."""

DEFAULT = "wandb"
"""The one that is taken where none is typed."""


def expand_logger(overrides: Sequence[str]) -> list[str]:
    """Write ``logger.offline=false`` out as ``logger.wandb.offline=false``, wandb being the logger that is chosen.

    ValueError for such a key where several loggers are chosen.

    >>> expand_logger(["logger.offline=false", "+logger.mine._target_=theirs.Logger", "logger.mine.level=2"])
    ['logger.wandb.offline=false', '+logger.mine._target_=theirs.Logger', 'logger.mine.level=2']
    >>> expand_logger(["logger=csv", "logger.name=table"])
    ['logger=csv', 'logger.csv.name=table']
    """
    chosen = _chosen(overrides)
    added = [m[1] for o in overrides if (m := re.match(r"\+*logger\.(\w+)\._target_=", o))]
    return [_written_out(override, chosen, {*chosen, *added}) for override in overrides]


def _chosen(overrides: Sequence[str]) -> list[str]:
    typed = [o.partition("=")[2] for o in overrides if o.startswith("logger=")]
    words = re.findall(r"[\w-]+", typed[-1] if typed else DEFAULT)
    return [word for word in dict.fromkeys(words) if word not in ("none", "null")]


def _written_out(override: str, chosen: Sequence[str], names: set[str]) -> str:
    match = re.match(r"([+~]*)logger\.([\w-]+)(.*)", override, re.DOTALL)
    if match is None or match[2] in names or not set(chosen) & set(CHOICES):
        return override
    sign, key, rest = match.groups()
    if len(chosen) > 1:
        keys = " or ".join(f"logger.{name}.{key}" for name in chosen)
        raise ValueError(f"logger.{key}: which logger's? type {keys}")
    return f"{sign}logger.{chosen[0]}.{key}{rest}"
