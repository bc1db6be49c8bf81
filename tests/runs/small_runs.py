"""Runs that take a tenth of a second, and what is to be the same in two of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import Job
from lossatlas.runs.ensure import ensure
from lossatlas.runs.store.fingerprint import fingerprint
from lossatlas.runs.store.manifest import Manifest
from lossatlas.runs.store.store import Run, Store

Config = dict[str, Any]

EPOCH = 3  # steps, the last of which sees 8 images
SMALL = (
    *("data=synthetic_images", "data.shape=[1,8,8]", "data.classes=4", "data.batch_size=16"),
    *("data.train=40", "data.validation=12", "data.test=12"),
    *("model=vgg9_narrow", "model.width=2", "epochs=2"),
    *("trainer=cpu", "logger=none", "runtime.threads=1", "runtime.checkpoint_seconds=0"),
)
RANDOM = (  # all that a run can draw at random, beside batch normalisation
    "model.dropout=0.3",
    "+data.augment.crop={_target_: lossatlas.data.RandomCrop, padding: 1}",
    "+data.augment.flip={_target_: lossatlas.data.RandomHorizontalFlip}",
)


def small(store: Path, *overrides: str) -> Config:
    """Configuration of a run of two epochs of three steps."""
    return compose_job([*SMALL, *overrides, f"paths.runs={store}"]).config


def trained(config: Config) -> Run:
    """Run of ``config``, trained in this process without interruption."""
    run = ensure(config)
    assert len(manifest_of(run).attempts) == 1
    return run


def run_of(config: Config) -> Run:
    """Handle of the run of ``config``, computed or not."""
    return Store(config["paths"]["runs"]).run(fingerprint(config))


def named_runs(config: Config) -> list[Config]:
    """Configurations of the runs that the study of ``config`` names."""
    return [job.config for job in Job((), config).upstream]


def manifest_of(run: Run) -> Manifest:
    manifest = run.manifest()
    assert manifest is not None
    return manifest


def record(run: Run) -> dict[str, Any]:
    """All that a finished run computed: the bytes of its files, its measures, and the state of its training."""
    manifest = manifest_of(run)
    assert manifest.status == "finished"
    tensors = [run.weights_path, *sorted(run.snapshots.glob("*.safetensors"))]
    checkpoint = torch.load(run.checkpoint_path, weights_only=True)
    state = {key: checkpoint[key] for key in ("state_dict", "optimizer_states", "lr_schedulers", "lossatlas")}
    return {
        "files": {path.name: path.read_bytes() for path in [*tensors, run.history_path]},
        "weights_sha256": manifest.weights_sha256,
        "metrics": manifest.metrics,
        "steps": (manifest.steps, manifest.epochs, checkpoint["global_step"]),
        **_flat("checkpoint", state),
    }


def _flat(path: str, node: Any) -> dict[str, Any]:
    """Leaves of nested containers by their path, tensors as their bytes."""
    if isinstance(node, Mapping | list | tuple):
        items = node.items() if isinstance(node, Mapping) else enumerate(node)
        return {name: leaf for key, item in items for name, leaf in _flat(f"{path}.{key}", item).items()}
    if isinstance(node, torch.Tensor):
        return {path: (tuple(node.shape), node.cpu().numpy().tobytes())}
    return {path: node}
