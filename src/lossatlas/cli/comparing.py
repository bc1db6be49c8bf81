"""A comparison in the terminal: the sides, what differs in their configurations, and in what came of them."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from lossatlas.cli.console import READABLE, console
from lossatlas.comparison import Comparison
from lossatlas.comparison.differences import Difference
from lossatlas.comparison.words import conditions, interval, mean_and_sd, notes, of_side, told

_COLORS = {"greater": "bold", "less": "bold", "cannot tell": "dim"}
_MOST_SETTINGS = 30  # rows


def show(comparison: Comparison) -> None:
    """Print ``comparison`` as three tables."""
    out = console(READABLE, markup=True)
    out.print(_sides(comparison))
    out.print(_settings(comparison))
    out.print(_numbers(comparison))
    for line in (*notes(comparison), conditions(comparison)):
        out.print(escape(line), style="dim")


def _sides(comparison: Comparison) -> Table:
    drawn = Table(box=box.HORIZONTALS, pad_edge=False)
    for heading in ("side", "runs", "seeds"):
        drawn.add_column(heading, overflow="fold")
    for side in comparison.sides:
        drawn.add_row(escape(side.label), *map(escape, of_side(side)))
    return drawn


def _settings(comparison: Comparison) -> Table:
    drawn = Table(
        box=box.HORIZONTALS, pad_edge=False, title="what differs in configuration", title_justify="left"
    )
    drawn.add_column("key", overflow="fold")
    for side in comparison.sides:
        drawn.add_column(escape(side.label), overflow="fold")
    shown = comparison.settings[:_MOST_SETTINGS]
    for number, setting in enumerate(shown):
        drawn.add_row(
            escape(setting.key), *map(escape, setting.in_words()), style="" if setting.tells_apart else "dim"
        )
        if number + 1 < len(shown) and setting.tells_apart and not shown[number + 1].tells_apart:
            drawn.add_section()
    if left := len(comparison.settings) - len(shown):
        drawn.caption = f"and {left} further keys: --json and --html have them all"
        drawn.caption_justify = "left"
    if not comparison.settings:
        drawn.add_row("nothing", *[""] * len(comparison.sides))
    return drawn


def _numbers(comparison: Comparison) -> Table:
    drawn = Table(box=box.HORIZONTALS, pad_edge=False, title="what came of it", title_justify="left")
    drawn.add_column("quantity", overflow="fold")
    first, *others = (escape(side.label) for side in comparison.sides)
    drawn.add_column(first, justify="right", overflow="fold")
    for label in others:
        drawn.add_column(label, justify="right", overflow="fold")
        drawn.add_column("difference", justify="right", overflow="fold")
    for quantity, (reference, *compared) in by_quantity(comparison.differences).items():
        cells = [mean_and_sd(reference)]
        for one in compared:
            style = _COLORS.get(one.told, "")
            difference = escape(interval(one))
            mark = escape(told(one))
            cells += [mean_and_sd(one), f"[{style}]{difference}{mark}[/]" if style else difference]
        drawn.add_row(escape(quantity), *cells)
    return drawn


def by_quantity(found: Sequence[Difference]) -> Mapping[str, list[Difference]]:
    """Those of each quantity, in the order of the sides."""
    rows: dict[str, list[Difference]] = {}
    for one in found:
        rows.setdefault(one.quantity, []).append(one)
    return rows
