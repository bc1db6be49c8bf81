"""Reading and writing training states: whole or absent, and never code."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import CheckpointIO

from lossatlas.files import replacing


class WholeCheckpointIO(CheckpointIO):
    """Writes a checkpoint under a temporary name that then takes its place; reads it with ``weights_only``.

    A checkpoint is a zip archive, whose checksums torch writes but does not read: they are verified here, so
    that a damaged number is not trained on.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: D102
        with replacing(Path(path)) as temporary:
            torch.save(checkpoint, temporary)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> Any:  # noqa: D102
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of its {damaged} is wrong")
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)

    def remove_checkpoint(self, path: Any) -> None:  # noqa: D102
        Path(path).unlink(missing_ok=True)
