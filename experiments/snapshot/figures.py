"""What `snapshot` draws: name of the file -> function of the datasets and a caption."""

from functools import partial

from lossatlas.experiments import Figures, Values
from lossatlas.figures.experiments import learning_curves, trends
from lossatlas.measures import at, percent

NAMES = {
    "method": {
        "nocycle": "NoCycle",
        "snapshot_01": "cycles, rate 0.1",
        "snapshot_02": "cycles, rate 0.2",
        "singlecycle": "SingleCycle",
        "independent": "independent",
    }
}
BY_SIZE = {
    "test error": lambda ensemble: percent(at(ensemble["error_last"], split="test")),
    "negative log-likelihood": lambda ensemble: at(ensemble["nll_last"], split="test"),
}
ALL_TOGETHER = {
    "test error": lambda ensemble: percent(at(ensemble["error"], split="test")),
    "negative log-likelihood": lambda ensemble: at(ensemble["nll"], split="test"),
}
COURSES = {
    "training loss": lambda history: history["train_loss"],
    "rate after an epoch": lambda history: history["lr"],
}


def figures(v: Values) -> Figures:
    by_size = partial(trends, measures=BY_SIZE, along="size", by="method", names=NAMES)
    of_members = {"cycles": v.members, "size": v.sizes}
    places = {"figure": v.table_1, "figure_3": v.figures_2_and_3, "figure_4": v.table_3_and_figure_4}
    kept = {
        name: place for name, place in places.items() if place or name == "figure"
    }  # else one has them all
    return {
        # as Figures 3 and 4 of Huang et al. 2017
        **{name: partial(by_size, at=of_members | place) for name, place in kept.items()},
        "cycles": partial(  # as Table 3, of all members together
            trends,
            measures=ALL_TOGETHER,
            along="cycles",
            at={"method": "snapshot_02"} | v.table_3_and_figure_4,
            names=NAMES,
        ),
        "loss": partial(  # as Figure 2
            learning_curves,
            measures=COURSES,
            dotted=["rate after an epoch"],
            along="epoch",
            by="method",
            at={"cycles": v.members, "method": ["nocycle", "snapshot_01", "snapshot_02"]} | v.figures_2_and_3,
            names=NAMES,
        ),
    }
