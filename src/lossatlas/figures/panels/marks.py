"""Words and marks on a panel."""

from matplotlib.axes import Axes

_GROUND = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.75, "linewidth": 0}


def say(axis: Axes, text: str) -> None:
    """A small line at the foot of a panel, such as how much of its data could not be drawn."""
    axis.text(
        *(0.5, 0.02, text),
        transform=axis.transAxes,
        ha="center",
        va="bottom",
        fontsize=6,
        color="0.25",
        bbox=_GROUND,
        zorder=5,
    )


def beside(axis: Axes, text: str, x: float, y: float) -> None:
    """Put ``text`` beside a point, on the side where the axes are wider."""
    low, high = axis.get_xlim()
    offset, anchor = (-5, "right") if x > (low + high) / 2 else (5, "left")
    axis.annotate(
        text,
        (x, y),
        (offset, 4),
        textcoords="offset points",
        ha=anchor,
        fontsize=6.5,
        bbox=_GROUND,
        zorder=4,
    )
