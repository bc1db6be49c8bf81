"""Write the tables of the pages anew from the JSON files, each between its two comments. Runs after the benchmarks.

python benchmarks/write_tables.py
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PAGE = FOLDER / "README.md"
VERDICTS = FOLDER.parent / "docs" / "verdicts.md"


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
    rows = []
    for name, result in report["results"].items():
        package, coarse = result["against_loss_landscapes"], result["bfloat16_against_straightforward"]
        rows.append(
            [
                name,
                f"{result['images']}",
                f"**{result['wall_ratio']:.1f}**",
                _range([min(result["wall_ratios"]), max(result["wall_ratios"])], digits=1),
                f"{result['processor_ratio']:.1f}",
                f"{result['aim']:g}" if result["aim"] else "",
                f"{package['wall_ratio']:.1f}",
                f"{result['lossatlas_processor_milliseconds_per_point']:.2f}",
                f"{result['largest_relative_difference_of_loss']:.0e}",
                f"{coarse['wall_ratio']:.1f}",
                f"{result['bfloat16_error']['of_all_points']:.1%}",
            ]
        )
    head = [
        "",
        "images",
        "times as fast",
        "range",
        "by processor time",
        "aim",
        "as `loss-landscapes`",
        "ms a point",
    ]
    head += ["largest difference of loss", "bfloat16, times as fast", "its error, of the range"]
    points = " x ".join(map(str, report["points"]))
    return _table(head, rows) + _measured_on(report, f"{points} points")


def growth(report: dict[str, Any]) -> str:
    points = report["growth"]["processor_milliseconds_per_point"]
    images = report["growth"]["processor_microseconds_per_image_of_ResNet-20_CIFAR_shape"]
    sides = list(next(iter(points.values())))
    by_points = _table(
        ["ms a point", *sides],
        [[name, *(f"{ms:.2f}" for ms in times.values())] for name, times in points.items()],
    )
    row = ["ResNet-20, width 16, CIFAR shape", *(f"{microseconds:.0f}" for microseconds in images.values())]
    return f"{by_points}\n{_table(['µs an image', *(f'{int(n):,} images' for n in images)], [row])}"


def forward(report: dict[str, Any]) -> str:
    rows = [
        [
            f"{name}, {dtype}",
            f"**{share['share']:.0%}**",
            f"{share['gigaflops']:.0f}",
            f"{share['peak_gigaflops']:.0f}",
        ]
        for name, of_dtype in report["results"].items()
        for dtype, share in of_dtype.items()
    ]
    head = ["", f"share of the peak (aim {report['aim']:.0%})", "GFLOP/s", "peak"]
    return _table(head, rows) + _measured_on(report, f"{report['images']} images of 3 x 32 x 32")


def adaptive(report: dict[str, Any]) -> str:
    rows = []
    for name, result in report["results"].items():
        error, plain = result["true_error"], result["plain_points_over_ours_at_equal_error"]["capped"]
        rows.append(
            [
                name,
                f"{result['measured']} of {result['points']}",
                f"{error['95%']:.2%}",
                f"{error['max']:.2%}",
                f"**{plain['95%']:.1f}**",
                f"{plain['max']:.1f}",
                f"{result['processor_time_ratio']:.1f}",
            ]
        )
    head = [
        "",
        "points measured",
        "95 % of errors below",
        "largest error",
        "plain sub-grid, times our points",
    ]
    head += ["the same, by largest error", "times as fast as the full grid"]
    how = f"{report['images']} images, tolerance {report['tolerance']:.0%}, aim {report['aim']:g} times"
    return _table(head, rows) + _measured_on(report, how)


def eigenvalues(report: dict[str, Any]) -> str:
    rows = [
        [
            f"{network}: {way}",
            f"{found['products']}",
            f"{found['products_relative']:.1f}",
            f"**{found['seconds_relative']:.1f}**",
            f"{report['aims'].get(way, '')}",
            f"{found['error_of_smallest']:.1%}",
            f"{found['error_of_largest']:.1%}",
        ]
        for network, result in report["results"].items()
        for way, found in result["ways"].items()
    ]
    head = [
        "",
        "products",
        "of ours",
        "time, of ours",
        "aim",
        "error of the smallest",
        "error of the largest",
    ]
    return _table(head, rows) + _measured_on(report, f"{report['images']} images")


def convexity(report: dict[str, Any]) -> str:
    rows = [
        [
            f"{network}: {way}",
            f"{result[way]['products_per_point']:.1f}",
            f"{result[way]['seconds_per_point']:.2f}",
            " and ".join(f"{error:.1%}" for error in result[way]["median_error_of_smallest_and_largest"]),
            *(
                [
                    f"**{ratio['products']:.1f}**",
                    f"**{ratio['seconds']:.1f}**",
                    f"{report['aims'][f'{way} / warm']}",
                ]
                if (ratio := result.get(f"{way} / warm"))
                else ["", "", ""]
            ),
        ]
        for network, result in report["results"].items()
        for way in ("warm", "cold", "eigsh twice")
    ]
    head = [
        "",
        "products a point",
        "seconds",
        "median errors",
        "products, of warm",
        "seconds, of warm",
        "aim",
    ]
    rows_of = f"rows of a {' x '.join(map(str, report['map']))} map"
    how = f"{rows_of}, {report['images']} images, tolerance {report['tolerance']}"
    return _table(head, rows) + _measured_on(report, how)


def distance_force(report: dict[str, Any]) -> str:
    rows = []
    for network, result in report["results"].items():
        for checkpoints, ways in result["checkpoints"].items():
            ours, loop = ways["lossatlas"], ways["autograd"]
            rows.append(
                [
                    f"{network}, {checkpoints}",
                    f"{ours['processor_milliseconds']:.2f}",
                    f"{ours['share_of_a_step']:.2%}",
                    f"{loop['share_of_a_step']:.2%}",
                    f"**{loop['times_ours_of_processor']:.1f}**",
                    f"{loop['times_ours']['median']:.1f}",
                    _range(loop["times_ours"]["quartiles"], digits=1),
                    f"{report['aim_against_autograd']:g}",
                    f"{ways['closed loop']['times_ours_of_processor']:.1f}",
                    f"{ways['foreach']['times_ours_of_processor']:.1f}",
                    f"{ours['relative_error']:.0e}",
                ]
            )
    head = ["network, checkpoints", "ms a step", "of a step", "of a step, autograd", "autograd, times ours"]
    head += ["by the wall", "quartiles", "aim", "closed loop", "foreach", "error"]
    how = f"one thread, batch {report['batch']}, {report['repetitions']} repetitions"
    return _table(head, rows) + _measured_on(report, how)


def error_rates(report: dict[str, Any]) -> str:
    """The larger of the two sides, and of the distributions of one column."""
    columns = {
        "normal": ["normal"],
        "skewed": ["skewed", "skewed to the left"],
        "heavy-tailed": ["heavy-tailed"],
        "tied": ["tied", "tied and skewed"],
    }
    rows = []
    for name, of_noise in report["rates"].items():
        cells = []
        for noises in columns.values():
            highest = [max(max(of_noise[noise][n]) for noise in noises) for n in ("5", "10", "20")]
            cells.append(", ".join(f"{100 * rate:.1f}" for rate in highest))
        rows.append([name, *cells, f"{report['runs'][name]:,}"])
    return _table(["", *columns, "simulations of each"], rows)


def listing(report: dict[str, Any]) -> str:
    rows = [
        [
            way,
            f"**{result['seconds']:.2f}**",
            f"{result['range'][0]:.2f} to {result['range'][1]:.2f}",
            f"{result['of index']:.2g}",
            f"{result['aim']:g}" if result["aim"] else "",
        ]
        for way, result in report["ways"].items()
    ]
    memory = report["peak memory, MB"]
    how = (
        f"{report['runs']:,} runs, {report['repetitions']} repetitions; "
        f"{memory['index']:.0f} MB at the most, of which imports {memory['imports']:.0f}"
    )
    head = ["", "seconds of processor time", "range", "of listing with the index", "aim"]
    return _table(head, rows) + _measured_on(report, how)


def augmentation(report: dict[str, Any]) -> str:
    once, each = "torchvision, once a batch", "torchvision, image by image"
    rows = [
        [
            name,
            f"{times['ours']:.2f}",
            f"{times['ours'] / report['step_of_resnet20']:.2%}",
            f"{times[once]:.2f}",
            f"{times[each]:.2f}" if each in times else "",
            f"**{times[each] / times['ours']:.1f}**" if each in times else "",
            f"{times['kornia']:.2f}" if "kornia" in times else "",
            f"**{times['kornia'] / times['ours']:.1f}**" if "kornia" in times else "",
        ]
        for name, times in report["results"].items()
    ]
    head = ["", "ms", "of a step", f"{once}, ms", f"{each}, ms", "times ours", "kornia, ms", "times ours"]
    how = f"one thread, {report['images']} images, {report['repetitions']} repetitions"
    return _table(head, rows) + _measured_on(report, how)


TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "training": ("training", training),
    "startup": ("startup", startup),
    "listing": ("listing", listing),
    "surface": ("surface", surface),
    "growth": ("surface", growth),
    "forward": ("forward", forward),
    "adaptive": ("adaptive", adaptive),
    "eigenvalues": ("eigenvalues", eigenvalues),
    "convexity": ("convexity", convexity),
    "distance_force": ("distance_force", distance_force),
    "augmentation": ("augmentation", augmentation),
}
"""The page's tables: the JSON file that each is written from, and how."""

PAGES = {PAGE: TABLES, VERDICTS: {"error rates": ("error_rates", error_rates)}}


def page(path: Path = PAGE) -> str:
    """A page with its tables as the JSON files have them."""
    text = path.read_text(encoding="utf-8")
    for name, (file, table) in PAGES[path].items():
        report = json.loads((FOLDER / f"{file}.json").read_text(encoding="utf-8"))
        between = re.compile(rf"(<!-- {name} -->\n)(?:(?!<!--).)*(<!-- end -->)", re.DOTALL)
        content = f"\n{table(report)}\n"
        text, replaced = between.subn(lambda match, content=content: match[1] + content + match[2], text)
        if replaced != 1:
            raise ValueError(f"{path} must have one place for the table {name!r}, found {replaced}")
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
    for path in PAGES:
        path.write_text(page(path), encoding="utf-8")
