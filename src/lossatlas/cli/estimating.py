"""``lossatlas reproduce NAME --estimate``: what an experiment takes, before any of it is computed."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lossatlas.cli.console import READABLE, console
from lossatlas.experiments.cost.estimate import (
    THROUGHPUT,
    Estimate,
    NetworkCost,
    SurveyCost,
    Throughput,
    estimate,
)
from lossatlas.experiments.cost.in_words import estimated_sentence
from lossatlas.experiments.cost.training_cost import PASSES_OF_A_STEP
from lossatlas.runs.composition.job import Job
from lossatlas.runs.composition.sweep import other_job_among
from lossatlas.words import counted


def estimated(jobs: Sequence[Job], tflops: float | None = None, *, left_only: bool = False) -> Estimate:
    """Estimate what ``jobs`` take, at ``tflops`` 1e12 operations a second or the default; see `estimate`."""
    throughput = THROUGHPUT if tflops is None else Throughput(tflops=tflops, source="as typed")
    with Console(stderr=True).status("counting operations"):
        return estimate(jobs, other_job_among(jobs), throughput, left_only=left_only)


def show_estimate(cost: Estimate) -> None:
    """Print the estimate by network and landscape, and what it assumes."""
    out = console(READABLE, markup=True)
    out.print(table(cost))
    out.print(escape(f"In all {estimated_sentence(cost.to_json())}."))
    out.print(
        "Operations of convolutions and matrix products, two for a multiply-add; a training step counts as "
        f"{PASSES_OF_A_STEP} forward passes. The throughput is an assumption: networks as small as those of CIFAR-10 "
        "keep a GPU less busy and take longer. lossatlas reproduce --estimate --throughput states another.",
        style="dim",
    )


def table(cost: Estimate) -> Table:
    """A row for the trainings of each network and for each of its landscapes."""
    drawn = Table(box=box.HORIZONTALS, pad_edge=False)
    drawn.add_column("network", ratio=2)
    drawn.add_column("what", ratio=3)
    for heading in ("TFLOP", "GPU hours"):
        drawn.add_column(heading, justify="right", no_wrap=True)
    for network in cost.networks:
        _add(drawn, network, cost.throughput)
        drawn.add_section()
    drawn.add_row("[bold]in all", "", _figures(cost.tflop), f"[bold]{_figures(cost.hours)}")
    return drawn


def _add(drawn: Table, network: NetworkCost, throughput: Throughput) -> None:
    about = (
        f"{escape(network.network)}\n[dim]{network.parameters / 1e6:.3g} million parameters,\n"
        f"{network.gflop_per_image:.3g} GFLOP an image[/]"
    )
    training = network.training
    what = f"training: {_product((training.runs, 'run'), (training.epochs, 'epoch'), (training.images, 'image'))}"
    rows = [(what, training.tflop)] if training.runs else []
    rows += [(_described(survey), survey.tflop) for survey in network.surveys]
    for index, (text, tflop) in enumerate(rows):
        numbers = [_figures(tflop), _figures(throughput.hours(tflop))]
        drawn.add_row(about if index == 0 else "", escape(text), *numbers)


def _described(survey: SurveyCost) -> str:
    size = f"{survey.name}: {survey.surveys} x {_product((survey.points, 'point'), (survey.images, 'image'))}"
    if survey.products is not None:
        products = counted(survey.products, "product")
        return f"{size} x {products} with a vector, each {survey.passes / survey.products:.1f} passes"
    if not survey.passes:
        return f"{survey.name}: no passes"
    return size if survey.passes == 1 else f"{size} x {survey.passes:.3g} passes"


def _product(*factors: tuple[int, str]) -> str:
    return " x ".join(counted(number, noun) for number, noun in factors)


def _figures(value: float) -> str:
    """Three significant digits, large numbers in full.

    >>> _figures(108.23), _figures(3789584.7), _figures(0.0123)
    ('108', '3,790,000', '0.0123')
    """
    return f"{float(f'{value:.3g}'):,g}" if value < 1e6 else f"{float(f'{value:.3g}'):,.0f}"
