"""Verdicts told: as a table for the terminal, in Markdown and LaTeX, as JSON, a caption, and rows for a dashboard."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

import pandas as pd
from pylatexenc.latexencode import unicode_to_latex
from rich import box
from rich.markup import escape
from rich.table import Table

from lossatlas.claims.statistics import Outcome
from lossatlas.claims.verdict import Arm, Verdict
from lossatlas.words import counted

_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_COLORS: dict[Outcome, str] = {"holds": "green", "fails": "red", "cannot tell": "yellow"}
_BETWEEN = " · "  # ids have commas and parentheses of their own
_HEADINGS = ("claim", "", "verdict", "estimate", "reproduced", "paper")  # in Markdown


def table(verdicts: Sequence[Verdict], title: str | None = None) -> Table:
    """One row a claim, its arms, reasons and remark in small print, and below the conditions. Fits 80 columns.

    Parameters
    ----------
    verdicts : sequence of Verdict
        What is told, in that order.
    title : str, optional
        Stands over the table; None: nothing does.

    Returns
    -------
    rich.table.Table
        For `rich.print`.
    """
    drawn = Table(title=title, box=box.HORIZONTALS, show_lines=True, pad_edge=False)
    drawn.caption, drawn.caption_justify = _conditions(verdicts), "left"
    drawn.add_column("claim", ratio=1, min_width=14)
    drawn.add_column("outcome", no_wrap=True)
    drawn.add_column("estimate")
    drawn.add_column("reproduced", no_wrap=True)  # line by line beside the paper's numbers
    drawn.add_column("paper", no_wrap=True)
    drawn.add_column("seeds", justify="right", no_wrap=True)
    for verdict in verdicts:
        drawn.add_row(
            f"[bold]{escape(verdict.id)}[/]  {escape(verdict.text)}[dim]{escape(_small_print(verdict))}[/]",
            f"[bold {_COLORS[verdict.outcome]}]{verdict.outcome}[/]{_mark(verdict)}",
            escape(_estimate(verdict)),
            escape("\n".join(map(_spread, verdict.arms))) or "–",
            escape("\n".join(_printed(verdict))) or "–",
            str(verdict.seeds),
        )
    return drawn


def markdown(verdicts: Sequence[Verdict]) -> str:
    """One row a claim, its remark below its sentence, and after the table the conditions. Ends without a newline.

    Parameters
    ----------
    verdicts : sequence of Verdict
        What is told, in that order.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        _table_row(_HEADINGS),
        _table_row(["---"] * len(_HEADINGS)),
        *(_table_row(_cells(v)) for v in verdicts),
    ]
    return "\n".join([*lines, "", _conditions(verdicts)])


def latex(verdicts: Sequence[Verdict]) -> str:
    """A table for a paper, as `markdown` has it; the preamble needs booktabs and longtable. Ends without a newline.

    Parameters
    ----------
    verdicts : sequence of Verdict
        What is told, in that order.

    Returns
    -------
    str
        LaTeX, in which no letter is beyond ASCII.
    """
    columns = ("claim", "verdict", "estimate", "reproduced", "paper", "seeds")
    cells = [
        [
            _tex(f"{v.text} {v.remark}".strip()),
            _tex(v.outcome + _mark(v)),
            _tex(_estimate(v)),
            r" \newline ".join(_tex(labelled(arm, _spread(arm, " ± ", 3))) for arm in v.arms) or "--",
            r" \newline ".join(map(_tex, _printed(v))) or "--",
            str(v.seeds),
        ]
        for v in verdicts
    ]
    widths = r"p{0.32\linewidth}lp{0.13\linewidth}p{0.2\linewidth}lr"
    table = pd.DataFrame(cells, columns=list(columns)).to_latex(
        index=False, escape=False, longtable=True, column_format=widths
    )
    return f"{table}\n{_tex(_conditions(verdicts))}"


def _tex(text: str) -> str:
    r"""Text in LaTeX.

    >>> print(_tex("5 % ± 2, λ_max"))
    5 \% \ensuremath{\pm} 2, \ensuremath{\lambda}\_max
    """
    return unicode_to_latex(text, unknown_char_policy="replace")


def to_json(verdicts: Sequence[Verdict], **extra: Any) -> str:
    """The verdicts and their conditions as strict JSON: what is not a finite number becomes null.

    Parameters
    ----------
    verdicts : sequence of Verdict
        What is told, in that order.
    **extra : Any
        Further keys at the top, such as the scale and the fingerprints.

    Returns
    -------
    str
        For `verdicts_from_json`; ends with a newline.
    """
    content = {**extra, "conditions": _conditions(verdicts), "claims": [asdict(v) for v in verdicts]}
    return json.dumps(_strict(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def caption(verdicts: Sequence[Verdict]) -> str:
    """Which claims hold, fail and remain open, in a few lines for a figure.

    Parameters
    ----------
    verdicts : sequence of Verdict
        What is told.

    Returns
    -------
    str
        Their ids by outcome, and the conditions.
    """
    groups = []
    for outcome in _OUTCOMES:
        names = [v.id + _mark(v) for v in verdicts if v.outcome == outcome]
        if names:
            groups.append(f"{outcome.capitalize()} ({len(names)}): {_BETWEEN.join(names)}.")
    return "\n".join([*groups, " ".join(filter(None, [_seeds(verdicts), _conditions(verdicts)]))])


def rows(verdicts: Sequence[Verdict]) -> tuple[list[str], list[list[Any]]]:
    """Column names and rows of plain values, as a dashboard's table takes them. None: not known.

    Parameters
    ----------
    verdicts : sequence of Verdict
        What is told, in that order.

    Returns
    -------
    tuple of list
        Names of the columns, and a row for each verdict.
    """
    columns = ["id", "claim", "outcome", "if all hold at once", "statistic", "estimate", "low", "high"]
    columns += ["units", "p value", "reproduced", "paper", "seeds", "note", "remark"]
    return columns, [_strict(_row(verdict)) for verdict in verdicts]


def _row(v: Verdict) -> list[Any]:
    reproduced = "; ".join(labelled(arm, _spread(arm)) for arm in v.arms)
    numbers: list[Any] = [v.estimate, *v.interval, v.units, v.p_value]
    paper = "; ".join(_printed(v))
    words: list[Any] = [v.seeds, v.note, v.remark]
    return [v.id, v.text, v.outcome, v.corrected, v.statistic, *numbers, reproduced, paper, *words]


def _conditions(verdicts: Sequence[Verdict]) -> str:
    """Under what conditions the verdicts were given, in a sentence or two."""
    if not verdicts:
        return "No claims were judged."
    levels = sorted({v.confidence for v in verdicts})
    level = " and ".join(f"{100 * c:g} %" for c in levels)
    by_chance = sum(1 - v.confidence for v in verdicts)
    text = (
        f"{counted(len(verdicts), 'claim')}, each judged by its own {level} interval over seeds; "
        f"if there were nothing to see, about {by_chance:.2g} would be decided by chance."
    )
    if any(map(_mark, verdicts)):
        text += " * not decided if all claims are to hold at once (Holm)."
    return text


def _seeds(verdicts: Sequence[Verdict]) -> str:
    """How many seeds the verdicts rest on, in a sentence; "" for none.

    >>> from dataclasses import replace
    >>> v = Verdict(id="i", text="t", outcome="holds", statistic="s", units="", estimate=3.7,
    ...             interval=(1.2, 6.2), confidence=0.95, against=0.0, p_value=0.01, seeds=5)
    >>> _seeds([v]), _seeds([v, replace(v, seeds=8)])
    ('5 seeds.', '5 to 8 seeds.')
    """
    if not verdicts:
        return ""
    low, high = (end(v.seeds for v in verdicts) for end in (min, max))
    return f"{counted(high, 'seed')}." if low == high else f"{low} to {counted(high, 'seed')}."


def _estimate(verdict: Verdict) -> str:
    """The estimate with its interval.

    >>> v = Verdict(id="i", text="t", outcome="holds", statistic="s", units="%", estimate=3.7,
    ...             interval=(1.2, 6.2), confidence=0.95, against=0.0, p_value=0.01, seeds=5)
    >>> _estimate(v)
    '3.7 [1.2, 6.2] %'
    """
    low, high = verdict.interval
    interval = "" if math.isnan(low) else f" [{_number(low)}, {_number(high)}]"
    return f"{_number(verdict.estimate)}{interval} {verdict.units}".rstrip()


def _number(value: float, digits: int = 3) -> str:
    """Significant digits without an exponent where one can do without, and a dash for what is not known.

    >>> _number(0.071234), _number(925.32), _number(8192.4), _number(0.00002), _number(float("nan"))
    ('0.0712', '925', '8192', '2e-05', '–')
    """
    if math.isnan(value):
        return "–"
    return f"{value:.0f}" if 10**digits <= abs(value) < 1e6 else f"{value:.{digits}g}"


def labelled(arm: Arm, words: str) -> str:
    """``words`` on an arm behind its label, which the only arm of a claim on all cells has none of.

    >>> labelled(Arm(label="batch size 128", mean=7.4, sd=0.2), "7.4±0.2")
    'batch size 128: 7.4±0.2'
    >>> labelled(Arm(label="", mean=7.4, sd=0.2), "7.4±0.2")
    '7.4±0.2'
    """
    return f"{arm.label}: {words}" if arm.label else words


def _spread(arm: Arm, sign: str = "±", digits: int = 2) -> str:
    return _number(arm.mean) + ("" if math.isnan(arm.sd) else f"{sign}{_number(arm.sd, digits)}")


def _small_print(verdict: Verdict) -> str:
    arms = " / ".join(arm.label for arm in verdict.arms)
    return "".join(f"\n{line}" for line in (arms, verdict.note, verdict.remark) if line)


def _printed(verdict: Verdict) -> list[str]:
    """The paper's numbers as printed, arm by arm."""
    paper = verdict.paper
    if paper is None:
        return []
    about = "≈" if paper.approximate else ""
    numbers = [paper.number(arm) for arm in range(len(verdict.arms) or 2)]
    return ["–" if value is None else f"{about}{value:g}" for value in numbers]


def _mark(verdict: Verdict) -> str:
    """A star on a claim that is decided taken by itself, not as one of many."""
    undecided = verdict.corrected not in (None, verdict.outcome)
    return "*" if undecided else ""


def _cells(verdict: Verdict) -> list[str]:
    remark = f"<br>*{verdict.remark}*" if verdict.remark else ""
    return [
        verdict.id,
        verdict.text + remark,
        f"**{verdict.outcome}{_mark(verdict)}**",
        _estimate(verdict),
        "<br>".join(labelled(arm, _spread(arm, " ± ", 3)) for arm in verdict.arms) or "–",
        "<br>".join(_printed(verdict)) or "–",
    ]


def _table_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _strict(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _strict(entry) for key, entry in content.items()}
    if isinstance(content, list | tuple):
        return [_strict(entry) for entry in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
