"""Parser of a command's arguments: options with dashes, and overrides without."""

import argparse
from collections.abc import Sequence
from typing import Any


class Parser(argparse.ArgumentParser):
    """Parser that takes no override for an option: ``-paths.runs=x`` is not ``-p aths.runs=x``.

    >>> parser = Parser()
    >>> _ = parser.add_argument("--package", "-p")
    >>> parser.parse_intermixed_args(["-paths.runs=x"])
    Traceback (most recent call last):
    ValueError: -paths.runs: no such option; an override is written without a dash, as paths.runs=x
    """

    @property
    def option_strings(self) -> list[str]:
        """What options are called, as they are typed."""
        return list(self._option_string_actions)

    def values_of(self, option: str) -> list[str] | None:
        """What may follow an option; nothing is known of a text or a number. None for one that takes no value."""
        action = self._option_string_actions.get(option)
        if action is None or action.nargs == 0:
            return None
        return [str(choice) for choice in action.choices or ()]

    def parse_intermixed_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse has it. ValueError for an override behind a dash."""
        for word in args or ():
            name, equals, _ = word.partition("=")
            if name.startswith("-") and equals and name not in self._option_string_actions:
                told = f"an override is written without a dash, as {word.lstrip('-')}"
                raise ValueError(f"{name}: no such option; {told}")
        return super().parse_intermixed_args(args, namespace)
