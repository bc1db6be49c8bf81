"""One override as Hydra reads it."""

from functools import lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString


@lru_cache(maxsize=4096)
def parsed(override: str) -> Override:
    """``override`` parsed. `OverrideParseException`, one of Hydra's, for one that it cannot read."""
    (found,) = OverridesParser.create().parse_overrides([override])  # whose errors name the override
    return found


def typed_value(text: str) -> Any:
    """What Hydra takes the right side of an override for.

    >>> typed_value("5e-4"), typed_value("true"), typed_value("sgd"), typed_value("'1'")
    (0.0005, True, 'sgd', '1')
    """
    value = parsed(f"key={text}").value()
    return value.text if isinstance(value, QuotedString) else value


def texts(override: Override) -> list[str]:
    """What is typed for the key of an override: its value, or each of those that it sweeps, if they can be listed.

    >>> texts(parsed("seed=1")), texts(parsed("seed=range(0,3)"))
    (['1'], ['0', '1', '2'])
    """
    if override.is_discrete_sweep():
        return list(override.sweep_string_iterator())
    return [override.get_value_element_as_str()]
