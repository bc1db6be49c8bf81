"""Draws schedules.png: every choice of conf/scheduler, as a run of 30 epochs would be given it."""

from itertools import zip_longest
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from png import write

from lossatlas.figures.style import LOSS, style
from lossatlas.optim import Cyclic, Monitoring, Schedule
from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_job

EPOCHS, STEPS = 30, 20  # of an epoch
SHOWN = {
    # choice: keys that are set, so that its shape is seen in 30 epochs
    "constant": [],
    "step": ["milestones=[15,23,28]"],
    "step_every": ["period=10"],
    "linear": [],
    "exponential": ["gamma=0.9"],
    "polynomial": ["power=2"],
    "inverse_time": ["half=3"],
    "inverse_sqrt": ["half=3"],
    "cosine": [],
    "warmup": [],
    "one_cycle": [],
    "plateau": ["patience=2"],
    "cyclic_cosine": ["cycles=3"],
    "warm_restarts": ["period=5"],
    "step_restarts": ["period=15", "schedule.milestones=[5,10]"],
    "triangular": ["cycle=6"],
    "triangular_smith2017": ["cycle=10", "shrink=half"],
}


def losses() -> list[dict[str, float]]:
    """A record whose validation loss falls in three flights, each to a plateau."""
    falls = [max(2.0 - 0.3 * k, 1.0) for k in range(12)]
    falls += [max(0.8 - 0.1 * k, 0.5) for k in range(9)] + [0.45] * 9
    return [{"epoch": k + 1, "validation_loss": loss} for k, loss in enumerate(falls)]


def schedule_of(choice: str) -> Schedule:
    """The choice with the keys that are shown."""
    keys = [f"scheduler.{key}" for key in SHOWN[choice]]
    made = make(compose_job([f"scheduler={choice}", f"epochs={EPOCHS}", *keys]).config["scheduler"])
    if isinstance(made, Monitoring):
        return made.following(losses)
    return made.in_steps(STEPS) if isinstance(made, Cyclic) else made


def draw() -> Figure:
    """A panel a choice: the factor of the base rate at every step."""
    places = np.arange(EPOCHS * STEPS) / STEPS
    with style():
        figure, axes = plt.subplots(3, 6, figsize=(9.6, 4.4), sharex=True, sharey=True, layout="constrained")
        for axis, choice in zip_longest(axes.flat, SHOWN):
            if choice is None:
                axis.axis("off")
                continue
            schedule = schedule_of(choice)
            asked = places if schedule.interval == "step" else np.floor(places)
            axis.plot(places, [schedule(float(place)) for place in asked], color=LOSS)
            axis.set_title(choice)
            axis.set_ylim(-0.03, 1.08)
        for axis in axes[-1]:
            axis.set_xlabel("epoch")
        for axis in axes[:, 0]:
            axis.set_ylabel("rate / base rate")
        plt.close(figure)
    return figure


if __name__ == "__main__":
    write(draw(), Path(__file__).with_suffix(".png"))
