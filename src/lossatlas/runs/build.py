"""From a configuration to the objects that it names."""

from collections.abc import Mapping
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import nn

from lossatlas.data import ImageData
from lossatlas.seeds import derive_seed, generator
from lossatlas.studies import Study


def make(node: Any, **arguments: Any) -> Any:
    """Instantiate a node by its ``_target_``; what the target raises comes through as it was raised.

    ``arguments`` are passed as they are: Hydra itself would turn a dataclass among them into a config.
    """
    try:
        if arguments:
            return instantiate({**node, "_partial_": True})(**arguments)
        return instantiate(node)
    except InstantiationException as error:
        raise (error.__cause__ or error) from None


def build_data(config: Mapping[str, Any]) -> ImageData:
    """Load the data set of a plain configuration."""
    return make(config["data"])


def build_network(config: Mapping[str, Any]) -> nn.Module:
    """Make the network of a plain configuration, initialised from the stream "init" of its seed."""
    seed = config["seed"]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, "construct"))
        network = make(config["model"])
        make(config["init"])(network, generator=generator(seed, "init"))
    return network


def build_study(config: Mapping[str, Any], network: nn.Module, data: ImageData) -> Study:
    """Make the study that trains ``network`` on ``data`` as a plain configuration says."""
    return make(
        config["study"],
        network=network,
        data=data,
        optimizer=make(config["optimizer"]),
        schedule=make(config["scheduler"]),
        penalties=make(config["regularizer"]),
        seed=config["seed"],
    )


def build(config: Mapping[str, Any]) -> Study:
    """Make the study of a plain configuration, with a fresh network and its data."""
    return build_study(config, build_network(config), build_data(config))
