"""``lossatlas reproduce --list``: what there is to reproduce, what it costs, and what came of it."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from lossatlas.cli.console import READABLE, console
from lossatlas.experiments.catalogue import AtScale, Listed, cost

_COLORS = {"holds": "green", "fails": "red", "cannot tell": "yellow"}
_NAMED = {"fails": "fails", "cannot tell": "open"}
"""Outcomes whose claims are named, and the word before their names."""


def show_list(experiments: Sequence[Listed], results: Path) -> None:
    """Print ``experiments``, whose verdicts may be the user's own, in the folder ``results``."""
    console(READABLE, markup=True).print(listing(experiments))
    print(f"Verdicts are those in {results}/; a star marks those that were published with the experiment.")
    print("Outcomes are corrected for the number of an experiment's claims (Holm). Open: cannot tell.")
    print("lossatlas reproduce NAME shows the claims, --estimate what a scale takes.")


def listing(experiments: Sequence[Listed]) -> Table:
    """A row for each experiment, a column for each scale. Reads well from 80 columns on."""
    drawn = Table(box=box.HORIZONTALS, show_lines=True, pad_edge=False)
    drawn.add_column("experiment", ratio=4, overflow="fold")
    scales = list(dict.fromkeys(at.scale for experiment in experiments for at in experiment.scales))
    for scale in scales:
        drawn.add_column(f"scale {scale}", ratio=3, overflow="fold")
    for experiment in experiments:
        at = {at.scale: at for at in experiment.scales}
        about = f"[bold]{escape(experiment.name)}[/]\n{escape(experiment.question)}"
        source = f"\n[dim]{escape(experiment.source)}[/]"
        drawn.add_row(about + source, *(_result(at[scale]) if scale in at else "–" for scale in scales))
    return drawn


def _result(at: AtScale) -> str:
    lines = [cost(at) or "cost not known", _counts(at)]
    for outcome, word in _NAMED.items():
        if ids := at.ids(outcome):
            lines.append(f"[dim]{word}: {escape(', '.join(ids))}[/]")
    return "\n".join(lines)


def _counts(at: AtScale) -> str:
    if not at.claims:
        return "not run"
    worst = next(outcome for outcome in ("fails", "cannot tell", "holds") if at.ids(outcome))
    return f"[{_COLORS[worst]}]{at.counts()}[/]{'*' if at.published else ''}"
