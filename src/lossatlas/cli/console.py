"""Console that tables are printed on: the terminal, or what stands in for it."""

from rich.console import Console
from rich.status import Status

_UNLIMITED = 1000  # columns: a row a line, for what reads it
READABLE = 120  # columns, for a report


def console(otherwise: int = _UNLIMITED, *, markup: bool = False) -> Console:
    """Console as wide as the terminal, or ``otherwise`` where there is none.

    Without ``markup`` it takes text as it is, such as the override landscape=[line].
    """
    plain = Console(markup=markup, highlight=False)
    return plain if plain.is_terminal else Console(markup=markup, highlight=False, width=otherwise)


def composing() -> Status:
    """Show, while the block lasts, that jobs are composed: a tenth of a second each, and each run that they name."""
    return Console(stderr=True).status("composing the jobs")
