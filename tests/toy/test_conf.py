"""conf/model/ball against the class that it names."""

import inspect

import torch

from lossatlas.runs.build import build_data, build_network
from lossatlas.runs.composition.compose import compose_job
from lossatlas.toy import Point


def test_the_choice_shows_each_argument_and_rolls_on_data_of_noise() -> None:
    noise = ["data=synthetic_blobs", "data.shape=[1,1,2]", "data.classes=2", "data.separation=0"]
    config = compose_job(["model=ball", "init=default", *noise]).config
    assert {key for key in config["model"] if key[0] != "_"} == set(inspect.signature(Point).parameters)
    starts = [build_network({**config, "seed": seed}).position for seed in (0, 0, 1)]
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])
    inputs, _ = build_data(config).normalized("train")
    assert build_network(config)(inputs).shape == (256, 2)
