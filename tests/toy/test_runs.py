"""A run of a toy against the course that gradient descent has in closed form."""

from pathlib import Path

import numpy as np

from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.ensure import ensure


def test_a_run_of_a_bowl_goes_where_each_curvature_sends_it(tmp_path: Path) -> None:
    """Each coordinate shrinks by 1 - rate * curvature a step."""
    start = ["model.low=[-1.5,1]", "model.high=[-1.5,1]", "optimizer.lr=0.05", "epochs=4"]
    config = compose_job(["toy=bowl", *start, "logger=none", f"paths.runs={tmp_path}"]).config
    run = ensure(config)
    steps = np.arange(5)
    expected = np.stack([-1.5 * 0.95**steps, 0.5**steps], 1)
    kept = [run.snapshot(epoch)["position"] for epoch in range(5)]
    np.testing.assert_allclose(np.stack(kept), expected, rtol=1e-5)
    history = run.history()
    np.testing.assert_allclose(history[["validation_x", "validation_y"]][1:], expected[1:], rtol=1e-5)
    heights = (expected[:, 0] ** 2 + 10 * expected[:, 1] ** 2) / 2
    np.testing.assert_allclose(history["validation_loss"][1:], heights[1:], rtol=1e-5)
    manifest = run.manifest()
    assert manifest is not None
    np.testing.assert_allclose(
        [manifest.metrics["test_x"], manifest.metrics["train_y"]], expected[-1], rtol=1e-5
    )
