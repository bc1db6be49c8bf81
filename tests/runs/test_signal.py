"""A network that no signal comes through is told of, in one line, before it is trained."""

import logging

import pytest
import torch

from lossatlas.runs.build import build_data, build_network
from lossatlas.runs.check import check_jobs, without_signal
from lossatlas.runs.composition.compose import compose_job

IMAGES = ("data=synthetic_images", "data.shape=[1,8,8]", "data.batch_size=16", "data.train=32", "logger=none")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("model=mlp",), True),
        (("model=lenet",), True),
        (("model=alexnet_narrow", "model.hidden=8"), True),
        (("model=mlp", "init=default"), False),
        (("model=mlp", "init=kaiming_fan_in"), False),
        (("model=vgg9_narrow",), False),
        (("model=alexnet_narrow", "model.hidden=8", "init=kaiming_fan_in"), False),
    ],
)
def test_an_init_without_signal_is_warned_of_with_one_to_take(
    overrides: tuple[str, ...], told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="lossatlas.runs.check"):
        check_jobs([compose_job([*IMAGES, *overrides])])
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == told
    assert all(line.startswith("init: no signal comes through ") for line in lines)
    assert all("type init=kaiming_fan_in" in line for line in lines)


def test_a_last_layer_of_zeros_trains_and_is_not_warned_of() -> None:
    config = compose_job([*IMAGES, "model=mlp", "init=default"]).config
    network, data = build_network(config), build_data(config)
    torch.nn.init.zeros_(network.layers[-1].weight)
    assert not without_signal(network, data)
    torch.nn.init.zeros_(network.layers[1].weight)
    torch.nn.init.zeros_(network.layers[1].bias)
    torch.nn.init.zeros_(network.layers[3].bias)
    assert without_signal(network, data)


def test_a_ball_which_looks_at_no_image_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    check_jobs([compose_job(["toy=bowl", "logger=none"])])
    assert caplog.records == []
