"""Small studies, made without a configuration."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lossatlas.data import ImageData, synthetic_images
from lossatlas.models import MLP
from lossatlas.optim import Constant
from lossatlas.studies import CalibrationError, Classifier, ErrorRate, NegativeLogLikelihood

sys.path.insert(0, str(Path(__file__).parents[1] / "runs"))  # the optimizers of the tests there

CLASSES = 4


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def data() -> ImageData:
    """40 training images in three batches, the last of 8."""
    return synthetic_images(
        batch_size=16, shape=(1, 8, 8), classes=CLASSES, train=40, validation=13, test=29, noise=4.0
    )


@pytest.fixture
def make_study(data: ImageData) -> Callable[..., Classifier]:
    """Function from a kind of study and changed arguments to one of a perceptron with batch norm."""

    def make(kind: type[Classifier] = Classifier, **changed: Any) -> Any:
        torch.manual_seed(0)
        arguments = {
            "network": MLP([8], input_shape=data.shape, classes=CLASSES, batch_norm=True),
            "data": data,
            "loss": nn.CrossEntropyLoss(),
            "metrics": {
                "error": ErrorRate(CLASSES),
                "nll": NegativeLogLikelihood(),
                "calibration_error": CalibrationError(CLASSES),
            },
            "optimizer": partial(torch.optim.SGD, lr=0.1),
            "schedule": Constant(),
            "penalties": {},
            "seed": 0,
        }
        return kind(**(arguments | changed))

    return make
