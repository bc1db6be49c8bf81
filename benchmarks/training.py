# ruff: noqa: D102 (hooks of Lightning, and a clock)
"""Training steps per second: `lossatlas train` against a bare torch loop on the same network and tensors.

All ways train in one process with one thread, by turns, and end with the same weights to the last bit, which is
checked:

    bare         batches gathered from the normalised tensor; zero_grad, forward, loss, backward, optimizer step,
                 schedule step; the mean training loss, read once an epoch
    lightning    the same step in a LightningModule, under a Trainer without logger, checkpoints and bars
    lossatlas    `lossatlas.runs.ensure` with logger=none: seeded steps, progress, history, checkpoints, manifest
    wandb        `lossatlas.runs.ensure` with the default logger: W&B, offline

Two rates are taken of each, both without the start-up. `steps`: of the training steps alone, from the first to the
last of each epoch. `whole`: from before the first step to after the end of the last epoch, which has a validation
at each epoch: loss and error by the bare loop and by Lightning; loss, error, NLL and calibration error by
lossatlas, which writes the run's files besides. `steps_of_processor` is the rate of the steps by the processor time
of the training thread, which other processes disturb less. Results: `training.json`.

    python benchmarks/training.py [--repetitions 7] [--steps 1000]
"""

import argparse
import itertools
import json
import logging
import statistics
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from machine import describe
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lossatlas.data import ImageData
from lossatlas.runs.build import build_data, build_network, make
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.ensure import ensure
from lossatlas.studies import Classifier

MODELS = ("vgg9_narrow", "resnet20_narrow")
AIMS = {16: 0.80, 64: 0.85}  # batch size -> least share of the bare loop's rate, with logger=none
Config = dict[str, Any]
Weights = dict[str, Tensor]


class Clock:
    """Seconds of one training: in the steps of its epochs, by the wall and by the processor, and as a whole."""

    def __init__(self) -> None:
        self.seconds = {"steps": 0.0, "steps_of_processor": 0.0, "whole": 0.0}
        self._started = time.perf_counter()

    def begin_epoch(self) -> None:
        self._epoch_started = time.perf_counter(), time.thread_time()

    def end_steps(self) -> None:
        wall, processor = self._epoch_started
        self.seconds["steps"] += time.perf_counter() - wall
        self.seconds["steps_of_processor"] += time.thread_time() - processor

    def stop(self) -> None:
        self.seconds["whole"] = time.perf_counter() - self._started


def parts(config: Config) -> tuple[nn.Module, ImageData, Optimizer, LambdaLR]:
    """The network, data, optimizer and schedule that the configuration names."""
    network, data = build_network(config), build_data(config)
    optimizer = make(config["optimizer"])(network.parameters())
    factor, steps = make(config["scheduler"]), data.steps_per_epoch
    return network, data, optimizer, LambdaLR(optimizer, lambda step: factor(step / steps))


@torch.inference_mode()
def validate(network: nn.Module, loss: nn.Module, data: ImageData) -> tuple[float, float]:
    """Loss and error on the validation split."""
    inputs, targets = data.normalized("validation")
    network.eval()
    outputs = network(inputs)
    network.train()
    return float(loss(outputs, targets)), float((outputs.argmax(-1) != targets).double().mean())


def bare(config: Config) -> tuple[Clock, Weights]:
    network, data, optimizer, schedule = parts(config)
    loss_function = nn.CrossEntropyLoss()
    network.train()
    clock = Clock()
    for epoch in range(config["epochs"]):
        clock.begin_epoch()
        total = torch.zeros(())
        for inputs, targets in data.batches(config["seed"], epoch):
            optimizer.zero_grad()
            loss = loss_function(network(inputs), targets)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach() * len(targets)
        float(total)
        clock.end_steps()
        validate(network, loss_function, data)
    clock.stop()
    return clock, network.state_dict()


class Plain(LightningModule):
    """The bare loop's step and no more."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.network, self.images, self._optimizer, self._schedule = parts(config)
        self.loss = nn.CrossEntropyLoss()
        self.seed = config["seed"]

    def train_dataloader(self) -> "Batches":
        return Batches(self)

    def configure_optimizers(self) -> Any:
        return [self._optimizer], [{"scheduler": self._schedule, "interval": "step"}]

    def on_train_start(self) -> None:
        self.clock = Clock()

    def on_train_epoch_start(self) -> None:
        self.clock.begin_epoch()
        self.total = torch.zeros(())

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        inputs, targets = batch
        loss = self.loss(self.network(inputs), targets)
        self.total += loss.detach() * len(targets)
        return loss

    def on_train_epoch_end(self) -> None:
        float(self.total)
        self.clock.end_steps()
        validate(self.network, self.loss, self.images)

    def on_train_end(self) -> None:
        self.clock.stop()


class Batches:
    """The training batches of the epoch that a `Plain` is in."""

    def __init__(self, module: Plain) -> None:
        self.module = module

    def __len__(self) -> int:
        return self.module.images.steps_per_epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.module.images.batches(self.module.seed, self.module.current_epoch)


def lightning(config: Config) -> tuple[Clock, Weights]:
    module = Plain(config)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=config["epochs"],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module)
    return module.clock, module.network.state_dict()


class TimedClassifier(Classifier):
    """The default study, which notes when its epochs begin and their steps end."""

    clock: Clock

    def on_train_start(self) -> None:
        super().on_train_start()
        type(self).clock = Clock()

    def on_train_epoch_start(self) -> None:
        self.clock.begin_epoch()

    def on_train_epoch_end(self) -> None:
        self.clock.end_steps()
        super().on_train_epoch_end()

    def on_train_end(self) -> None:
        self.clock.stop()


def lossatlas_with_wandb(config: Config) -> tuple[Clock, Weights]:
    study = {**config["study"], "_target_": f"{__name__}.TimedClassifier"}
    with tempfile.TemporaryDirectory() as folder:
        paths = {**config["paths"], "runs": folder}
        state = ensure({**config, "study": study, "paths": paths}).state()
    return TimedClassifier.clock, state


def lossatlas(config: Config) -> tuple[Clock, Weights]:
    return lossatlas_with_wandb({**config, "logger": {}})


WAYS: dict[str, Callable[[Config], tuple[Clock, Weights]]] = {
    "bare": bare,
    "lightning": lightning,
    "lossatlas": lossatlas,
    "wandb": lossatlas_with_wandb,
}


def configuration(model: str, batch_size: int, steps: int) -> Config:
    """That of ``lossatlas train`` with as many whole epochs as ``steps`` need."""
    overrides = [f"model={model}", f"data.batch_size={batch_size}", "trainer=cpu", "runtime.threads=1"]
    epochs = -(-steps // build_data(compose_job(overrides).config).steps_per_epoch)
    return compose_job([*overrides, f"epochs={epochs}"]).config


def measure(config: Config, repetitions: int) -> dict[str, Any]:
    """Rates of all ways, taken by turns, and their ratios to the bare loop's rate of the same turn."""
    steps = config["epochs"] * build_data(config).steps_per_epoch
    rates: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in WAYS}
    for turn in range(repetitions + 1):
        weights = {}
        for name in WAYS if turn % 2 else reversed(WAYS):
            torch.use_deterministic_algorithms(
                False
            )  # as a bare loop has it; lossatlas turns it on for itself
            clock, weights[name] = WAYS[name](config)
            if turn == 0:  # for warming up
                continue
            for kind, seconds in clock.seconds.items():
                rates[name][kind].append(steps / seconds)
        _check_equal(weights)
    others = [name for name in WAYS if name != "bare"]
    return {
        "steps": steps,
        "epochs": config["epochs"],
        "bare_steps_per_second": {kind: _spread(values, 0) for kind, values in rates["bare"].items()},
        "ratio_to_bare": {name: _ratios(rates[name], rates["bare"]) for name in others},
    }


def _check_equal(weights: dict[str, Weights]) -> None:
    for name, state in weights.items():
        for key, tensor in weights["bare"].items():
            if not torch.equal(state[key], tensor):
                raise AssertionError(
                    f"{name} and the bare loop differ in {key}: they do not do the same work"
                )


def _ratios(rates: dict[str, list[float]], bare_rates: dict[str, list[float]]) -> dict[str, Any]:
    return {
        kind: _spread([rate / bare_rate for rate, bare_rate in zip(values, bare_rates[kind], strict=True)], 3)
        for kind, values in rates.items()
    }


def _spread(values: list[float], digits: int) -> dict[str, Any]:
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {
        "median": round(median, digits),
        "quartiles": [round(low, digits), round(high, digits)],
        "range": [round(min(values), digits), round(max(values), digits)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument(
        "--steps", type=int, default=1000, help="of each training, rounded up to whole epochs"
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    report: dict[str, Any] = {
        "what": "training steps per second as a share of the bare torch loop's, over alternated repetitions",
        "data": "digits: 1,000 images of 8 x 8",
        "threads": 1,
        "repetitions": options.repetitions,
        "aims_of_lossatlas": {f"batch {size}": aim for size, aim in AIMS.items()},
        **describe(),
        "results": {},
    }
    for model, size in itertools.product(MODELS, AIMS):
        result = measure(configuration(model, size, options.steps), options.repetitions)
        name = f"{model}, batch {size}"
        report["results"][name] = result
        ratios = {way: ratio["steps"]["median"] for way, ratio in result["ratio_to_bare"].items()}
        print(
            f"{name}: bare {result['bare_steps_per_second']['steps']['median']:.0f}/s, {ratios}", flush=True
        )
    options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
