"""Pictures of the loss along lines and paths."""

import xarray as xr
from matplotlib.figure import Figure

from lossatlas.figures import panels, style
from lossatlas.figures.pictures.registry import draws

CEILING = 10.0  # largest loss that is drawn


@draws("line")
def line(landscape: xr.Dataset) -> Figure:
    """Loss and error along random directions: median and range over the directions."""
    count = landscape.sizes.get("direction", 1)
    return _profile(
        landscape, "along a direction" if count == 1 else f"along {count} directions: median and range"
    )


@draws("interpolation")
def interpolation(landscape: xr.Dataset) -> Figure:
    """Loss and error on the straight line from one network (alpha 0) to another (alpha 1)."""
    return _profile(landscape, "from this network (α = 0) to the other (α = 1)")


@draws("path")
def path(landscape: xr.Dataset) -> Figure:
    """Loss and error along a path; where it passes through networks, they are marked."""
    figure = _profile(landscape, "along the path", along="t")
    if "network_t" not in landscape:
        return figure
    axis = figure.axes[0]
    networks = landscape["network_t"].values
    for t in networks:
        axis.axvline(t, color="0.6", linewidth=0.7, linestyle="dotted", zorder=0)
    axis.set_xticks(networks, [f"{number}" for number in range(len(networks))])
    axis.set(xlabel="network", title="along straight lines from network to network")
    return figure


@draws("curve_distances")
def curve_distances(landscape: xr.Dataset) -> Figure:
    """Distance of each two curves along them, and the farthest of their bends, relative to the ends' distance."""
    figure = Figure(figsize=(4.2, 2.8), layout="constrained")
    axis = figure.subplots()
    pairs = [(i, k) for k in range(landscape.sizes["curve"]) for i in range(k)]
    for (i, k), shade in zip(pairs, style.colors_of([str(pair) for pair in pairs]), strict=True):
        pair = landscape.isel(curve=i, other=k)
        relative = f"{float(pair['relative_bend_distance']):.2g}"
        label = f"curves {i} and {k}, bends {relative} of the ends' distance apart"
        panels.spread(axis, pair["distance"], "t", color=shade, label=label)
    axis.set(xlabel="position t on the curves", ylabel="distance", title="between curves", ylim=(0, None))
    axis.margins(x=0)
    axis.legend(loc="best")
    return figure


def _profile(landscape: xr.Dataset, title: str, *, along: str = "alpha") -> Figure:
    figure = Figure(figsize=(4.2, 2.8), layout="constrained")
    axis = figure.subplots()
    draw = panels.loss_and_error if "error" in landscape else panels.losses
    draw(axis, landscape, along=along, ceiling=CEILING)
    axis.set_title(title)
    axis.legend(loc="best")
    return figure
