"""What the tests of scale paper share: composing it, and the settings that Li et al. 2018 train everything with."""

from typing import Any

import pytest
import torch
from torch import nn

from lossatlas.runs.build import make
from lossatlas.runs.composition.compose import compose_job

Config = dict[str, Any]

FN = {"extent": 1.0, "seed": 123, "normalize": "filter", "ignore": "biasbn", "splits": ["train", "test"]}
"""Directions of the filter-normalised lines and surfaces of Li et al., which have 51 points a side."""


def composed(choice: str, *overrides: str) -> Config:
    """Configuration of one job of an experiment's file, such as "sharpness/paper"."""
    return compose_job([f"experiment={choice}", *overrides]).config


def chosen(node: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The values that ``node`` has for the keys of ``settings``."""
    return {key: node[key] for key in settings}


def assert_trained_as_li2018(
    config: Config, *, lr: float = 0.1, weight_decay: float = 5e-4, batch_size: int = 128
) -> None:
    """SGD with Nesterov momentum 0.9, rate divided by ten after 150, 225 and 275 of 300 epochs; crops and flips."""
    optimizer = make(config["optimizer"])([nn.Parameter(torch.zeros(1))])
    expected = {"momentum": 0.9, "nesterov": True, "dampening": 0, "lr": lr, "weight_decay": weight_decay}
    assert type(optimizer) is torch.optim.SGD
    assert chosen(optimizer.defaults, expected) == expected
    assert config["regularizer"] == {}  # weight decay only once
    schedule = make(config["scheduler"])
    factors = [schedule(epoch) for epoch in range(config["epochs"])]
    assert factors == pytest.approx([1.0] * 150 + [0.1] * 75 + [0.01] * 50 + [0.001] * 25)
    assert config["study"]["loss"] == {"_target_": "torch.nn.CrossEntropyLoss", "label_smoothing": 0.0}
    assert config["data"]["_target_"] == "lossatlas.data.cifar10"
    assert config["data"]["batch_size"] == batch_size
    assert config["data"]["augment"] == {
        "crop": {"_target_": "lossatlas.data.RandomCrop", "padding": 4},
        "flip": {"_target_": "lossatlas.data.RandomHorizontalFlip", "p": 0.5},
    }
    assert config["init"]["_target_"] == "lossatlas.models.kaiming_normal"
    start = {"mode": "fan_in", "linear_std": 1e-3}
    assert chosen(config["init"], start) == start
