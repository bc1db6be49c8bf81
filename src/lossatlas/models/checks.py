"""Validation of the networks' arguments."""

from collections.abc import Collection, Sequence


def check_positive(**values: int | Sequence[int]) -> None:
    """Raise ValueError for the first of ``values``, or of what is listed there, that is not a positive integer."""
    for name, given in values.items():
        for value in given if isinstance(given, Sequence) and not isinstance(given, str) else [given]:
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")


def check_choice(choices: Collection[str], **values: str) -> None:
    """Raise ValueError for the first of ``values`` that is none of the ``choices``."""
    for name, value in values.items():
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def check_probability(**values: float) -> None:
    """Raise ValueError for the first of ``values`` that is not a probability below 1."""
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} is a probability and must be in [0, 1), got {value}")


def check_input(
    input_shape: Sequence[int], classes: int, *, least: int, network: str
) -> tuple[int, int, int]:
    """Return ``input_shape`` as (C, H, W), or raise ValueError.

    ``least``: the least height and width of an image that ``network`` (its name for the message) can take.

    >>> check_input([3, 32, 32], 10, least=8, network="VGG")
    (3, 32, 32)
    """
    if len(input_shape) != 3:
        raise ValueError(f"input_shape must be (channels, height, width), got {tuple(input_shape)}")
    channels, height, width = input_shape
    check_positive(channels=channels, height=height, width=width)
    if min(height, width) < least:
        raise ValueError(f"{network} needs images of at least {least}x{least} pixels, got {height}x{width}")
    if classes < 2:
        raise ValueError(f"classes must be >= 2, got {classes}")
    return channels, height, width
