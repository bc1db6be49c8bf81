"""Counts in words."""


def counted(number: float, noun: str) -> str:
    """A number and what it counts, in the plural unless there is one; thousands are set apart.

    >>> counted(1, "claim"), counted(0, "claim"), counted(50_000, "image"), counted(20.0, "product")
    ('1 claim', '0 claims', '50,000 images', '20 products')
    """
    digits = f"{number:,}" if isinstance(number, int) else f"{number:,g}"
    return f"{digits} {noun if number == 1 else noun + 's'}"
