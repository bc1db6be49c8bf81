"""What a classifier measures, against numpy."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from lossatlas.data import ImageData, synthetic_images
from lossatlas.models import MLP
from lossatlas.studies import Classifier

MakeStudy = Callable[..., Classifier]


def log_probabilities(study: Classifier, split: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of a whole split in one pass, in eval mode: (N, C), and its targets (N,)."""
    inputs, targets = study.data.normalized(split)
    with torch.no_grad():
        logits = study.network.eval()(inputs).double().numpy()
    study.network.train()
    return logits - np.log(np.exp(logits).sum(1, keepdims=True)), targets.numpy()


@pytest.mark.parametrize("batch", [500, 16, 7, 1])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_split_is_measured_as_a_whole_whatever_the_batches(
    make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch, split: str, batch: int
) -> None:
    monkeypatch.setattr(Classifier, "EVALUATION_BATCH", batch)
    study = make_study()
    measured = study.measure(split)
    logs, targets = log_probabilities(study, split)
    nll = -logs[np.arange(len(targets)), targets].mean()
    assert measured["error"] == (logs.argmax(1) != targets).mean()
    assert measured["nll"] == pytest.approx(nll, rel=1e-6)
    assert measured["loss"] == pytest.approx(nll, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing_mixes_the_target_with_all_classes_in_the_loss_not_in_the_nll(
    make_study: MakeStudy, smoothing: float
) -> None:
    """Szegedy et al. 2016 (arXiv:1512.00567), section 7: q' = (1 - eps) * q + eps / K."""
    study = make_study(loss=nn.CrossEntropyLoss(label_smoothing=smoothing))
    measured = study.measure("test")
    logs, targets = log_probabilities(study, "test")
    nll = -logs[np.arange(len(targets)), targets]
    smoothed = (1 - smoothing) * nll - smoothing * logs.mean(1)
    assert measured["loss"] == pytest.approx(smoothed.mean(), rel=1e-6)
    assert measured["nll"] == pytest.approx(nll.mean(), rel=1e-6)


def test_metrics_of_a_network_that_ends_in_softmax_are_those_of_its_probabilities(
    make_study: MakeStudy,
) -> None:
    plain = make_study()
    ending = make_study(
        network=nn.Sequential(plain.network, nn.Softmax(1)),
        loss=lambda outputs, targets: nn.functional.nll_loss(outputs.log(), targets),
    )
    for split in ("train", "test"):
        assert ending.measure(split) == pytest.approx(plain.measure(split), rel=1e-5)


def test_a_loss_that_ignores_a_class_of_the_data_is_refused(make_study: MakeStudy) -> None:
    """Its images would count as mistakes."""
    with pytest.raises(
        ValueError, match=r"^study.loss ignores class 2, of which errors would count each image"
    ):
        make_study(loss=nn.CrossEntropyLoss(ignore_index=2))
    make_study(loss=nn.CrossEntropyLoss(ignore_index=4))  # none of them
    make_study(loss=nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 3.0, 4.0])))


def test_measuring_leaves_the_network_as_it_was(make_study: MakeStudy) -> None:
    for training in (True, False):
        study = make_study()
        study.network.train(training)
        before = {name: tensor.clone() for name, tensor in study.network.state_dict().items()}
        study.measure("train")
        assert study.network.training == training
        assert all(torch.equal(tensor, before[name]) for name, tensor in study.network.state_dict().items())


def test_measuring_again_gives_the_same(make_study: MakeStudy) -> None:
    study = make_study()
    assert study.measure("test") == study.measure("test")


def test_training_images_are_measured_without_augmentation(data: ImageData, make_study: MakeStudy) -> None:
    def blacken(inputs: torch.Tensor, targets: torch.Tensor, _: object) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros_like(inputs), targets

    augmented = synthetic_images(
        batch_size=16,
        shape=(1, 8, 8),
        classes=4,
        train=40,
        validation=13,
        test=29,
        noise=4.0,
        augment={"blacken": blacken},
    )
    assert make_study(data=augmented).measure("train") == make_study(data=data).measure("train")


def test_final_metrics_are_those_of_every_split_and_epoch_metrics_of_validation(
    make_study: MakeStudy,
) -> None:
    study = make_study()
    final = study.final_metrics()
    for split in ("train", "validation", "test"):
        for name, value in study.measure(split).items():
            assert final[f"{split}_{name}"] == value
    assert len(final) == 12
    assert study.epoch_metrics() == {name: final[name] for name in final if name.startswith("validation_")}


def test_without_a_validation_split_an_epoch_has_no_further_metrics(make_study: MakeStudy) -> None:
    data = synthetic_images(batch_size=16, shape=(1, 8, 8), classes=4, train=40, validation=0)
    assert make_study(data=data).epoch_metrics() == {}


def test_the_classifier_is_a_module_from_images_to_logits(make_study: MakeStudy, data: ImageData) -> None:
    study = make_study(network=MLP([3], input_shape=data.shape, classes=4)).eval()
    inputs, _ = data.normalized("test")
    assert torch.equal(study(inputs), study.network(inputs))
    assert study(inputs).shape == (29, 4)
