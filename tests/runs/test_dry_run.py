"""Landscapes are tried before anything is trained."""

from lossatlas.runs.build import build_data, build_network
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.dry_run import dry_run

SMALL = ["data=synthetic_blobs", "model=mlp", "init=default", "epochs=3"]


def test_a_plane_through_runs_that_begin_with_the_same_weights_is_not_taken_for_none() -> None:
    """As arms of one seed do: only training tells them apart."""
    others = 'landscape.plane.others=[{run: ["epochs=1"]}, {run: ["epochs=2"]}]'
    job = compose_job([*SMALL, "landscape=plane", others, "landscape.plane.points=3"])
    dry_run(job, "plane", build_network(job.config), build_data(job.config))
