"""Write the tables of `README.md` anew from the JSON files, each between its two comments. Runs after the benchmarks.

python benchmarks/write_tables.py
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PAGE = FOLDER / "README.md"


def training(report: dict[str, Any]) -> str:
    head = ["", "bare steps/s", "lossatlas", "quartiles", "by processor time", "with W&B", "plain Lightning"]
    head += ["aim", "lossatlas, whole", "plain Lightning, whole"]
    rows = []
    for name, result in report["results"].items():
        bare, ratio = result["bare_steps_per_second"], result["ratio_to_bare"]
        ours, lightning = ratio["lossatlas"], ratio["lightning"]
        rows.append(
            [
                name,
                f"{bare['steps']['median']:.0f}",
                f"**{ours['steps']['median']:.2f}**",
                _range(ours["steps"]["quartiles"]),
                f"{ours['steps_of_processor']['median']:.2f}",
                f"{ratio['wandb']['steps']['median']:.2f}",
                f"{lightning['steps']['median']:.2f}",
                f"{report['aims_of_lossatlas'][name.partition(', ')[2]]:.2f}",
                f"{ours['whole']['median']:.2f}",
                f"{lightning['whole']['median']:.2f}",
            ]
        )
    return _table(head, rows) + _measured_on(report, f"{report['repetitions']} repetitions")


def startup(report: dict[str, Any]) -> str:
    rows = [
        [
            what,
            f"**{seconds['median']:.2f}**",
            _range(seconds["range"]),
            f"{report['aims_in_seconds'][what]:g}" if what in report["aims_in_seconds"] else "",
        ]
        for what, seconds in report["seconds"].items()
    ]
    table = _table(["", "seconds", "range", "aim"], rows)
    return table + _measured_on(report, f"{report['repetitions']} repetitions")


def surface(report: dict[str, Any]) -> str:
    rows = [
        [
            name,
            f"{result['images']}",
            f"**{result['wall_ratio']:.1f}**",
            _range([min(result["wall_ratios"]), max(result["wall_ratios"])], digits=1),
            f"{result['processor_ratio']:.1f}",
            f"{result['lossatlas_processor_milliseconds_per_point']:.1f}",
            f"{result['largest_relative_difference_of_loss']:.0e}",
        ]
        for name, result in report["results"].items()
    ]
    head = [
        "",
        "images",
        "times as fast",
        "range",
        "by processor time",
        "ms a point",
        "largest difference of loss",
    ]
    points = " x ".join(map(str, report["points"]))
    return _table(head, rows) + _measured_on(report, f"{points} points")


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "training": training,
    "startup": startup,
    "surface": surface,
}


def page() -> str:
    """The page with its tables as the JSON files have them."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        report = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        between = re.compile(rf"(<!-- {name} -->\n)(?:(?!<!--).)*(<!-- end -->)", re.DOTALL)
        content = f"\n{table(report)}\n"
        text, replaced = between.subn(lambda match, content=content: match[1] + content + match[2], text)
        if replaced != 1:
            raise ValueError(f"{PAGE} must have one place for the table {name!r}, found {replaced}")
    return text


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _range(ends: Sequence[float], digits: int = 2) -> str:
    return f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}"


def _measured_on(report: dict[str, Any], how: str) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return f"\n{report['processor']}; {how}; {versions}.\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
