"""A process that has runs made, as a library does, finds its settings as they were."""

import logging
import os
import random
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_runs import RANDOM, small

from lossatlas.runs.ensure import ensure
from lossatlas.runs.surveyor import Surveyor
from lossatlas.runs.train import RunFailed


def settings() -> dict[str, Any]:
    """All that training is known to set, or might, for the whole process."""
    backends: Any = torch.backends
    loggers = ("", "pytorch_lightning", "lightning_fabric", "lossatlas")
    return {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "only warns": torch.is_deterministic_algorithms_warn_only_enabled(),
        "fresh memory": torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        "cuDNN": [getattr(backends.cudnn, name) for name in ("enabled", "benchmark", "deterministic")],
        "float32": [
            part.fp32_precision for part in (backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.conv)
        ],
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "anomalies": torch.is_anomaly_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "random numbers": [torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()],  # noqa: NPY002
        "floating-point errors": np.geterr(),
        "environment": dict(os.environ),
        "warnings": list(warnings.filters),
        "logging": [logging.getLogger(name).level for name in loggers],
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "folder": Path.cwd(),
    }


@pytest.fixture
def _others() -> Iterator[None]:
    """Settings that are not PyTorch's own."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = True
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False


DETERMINISTIC = ("trainer.deterministic=true",)
ANOMALIES = ("trainer.deterministic=false", "+trainer.benchmark=true", "+trainer.detect_anomaly=true")


@pytest.mark.parametrize("overrides", [DETERMINISTIC, ANOMALIES, (*DETERMINISTIC, *RANDOM)])
def test_training_leaves_the_settings_of_its_process_alone(
    tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    config, before = small(tmp_path, *overrides), settings()
    assert ensure(config).is_finished()
    assert settings() == before


@pytest.mark.usefixtures("_others")
def test_settings_of_the_callers_own_stay_as_well(tmp_path: Path) -> None:
    config, before = small(tmp_path, *DETERMINISTIC), settings()
    assert ensure(config).is_finished()
    assert settings() == before
    assert before["only warns"]


def test_a_failed_training_leaves_them_too(tmp_path: Path) -> None:
    config, before = small(tmp_path, "optimizer.lr=1e30"), settings()
    with pytest.raises(RunFailed):
        ensure(config)
    assert settings() == before


def test_a_survey_leaves_them_too(tmp_path: Path) -> None:
    run = ensure(small(tmp_path, "landscape=line", "landscape.line.points=3"))
    ((name, node),) = run.config()["landscape"].items()
    before = settings()
    assert Surveyor(run, run.config(), lambda value: run).survey(name, node) is not None
    assert settings() | {"warnings": None} == before | {
        "warnings": None
    }  # xarray adds one whenever it reads a file
