"""The callback that surveys while anybody's Trainer trains anybody's module."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import wandb
import xarray as xr
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging, StochasticWeightAveraging
from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger
from schedule_free import SmallScheduleFree
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from lossatlas.landscape import Problem, line, surface, weights
from lossatlas.studies import SurveyAtEpochs

MakeTrainer = Callable[..., Trainer]


class Stranger(LightningModule):
    """A module that knows nothing of lossatlas, with what a survey could disturb: batch norm, dropout, momentum."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 3)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return self.net(inputs)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.05)


class Noisy(Dataset[tuple[Tensor, Tensor]]):
    """Examples that are augmented with numpy's and torch's global generators."""

    def __init__(self, data: TensorDataset) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        inputs, target = self.data[index]
        return inputs + 0.1 * torch.randn(4) + np.random.rand(), target  # noqa: NPY002


@pytest.fixture
def examples() -> TensorDataset:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(22, 4, generator=generator)
    return TensorDataset(inputs, inputs[:, :3].argmax(1))


@pytest.fixture
def fit(make_trainer: MakeTrainer, examples: TensorDataset) -> Callable[..., tuple[Trainer, Stranger]]:
    """Function that trains a stranger's module with callbacks for three epochs, shuffled, seed 0."""

    def train(*callbacks: Callback, data: Any = examples, **options: Any) -> tuple[Trainer, Stranger]:
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        module = Stranger()
        options = {"max_epochs": 3, "log_every_n_steps": 1} | options
        trainer = make_trainer(callbacks=list(callbacks), **options)
        trainer.fit(module, DataLoader(data, batch_size=8, shuffle=True))
        return trainer, module

    return train


def callback(folder: Path, **options: Any) -> SurveyAtEpochs:
    options = {"epochs": [0, 2, -1]} | options
    surveys = options.pop("surveys", {"line": partial(line, points=3, directions=1)})
    return SurveyAtEpochs(surveys, nn.CrossEntropyLoss(), folder=folder, **options)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def state(trainer: Trainer, module: Stranger) -> list[Tensor]:
    """Weights, statistics, the optimizer's moments, and the states of the generators."""
    optimizer = trainer.optimizers[0].state_dict()["state"]
    moments = [value for moment in optimizer.values() for value in moment.values()]
    return [*module.state_dict().values(), *moments, torch.get_rng_state(), torch.rand(3), _numpy_draw()]


def _numpy_draw() -> Tensor:
    return torch.from_numpy(np.random.rand(3))  # noqa: NPY002


def test_it_writes_a_file_for_each_survey_at_the_chosen_epochs(
    fit: Callable[..., Any], tmp_path: Path
) -> None:
    surveys = {"line": partial(line, points=3, directions=1), "norms": weights}
    trainer, _ = fit(callback(tmp_path / "found", surveys=surveys))
    assert files(tmp_path / "found") == [
        f"epoch-000{epoch}/{name}.nc" for epoch in (0, 2, 3) for name in ("line", "norms")
    ]
    last = xr.load_dataset(tmp_path / "found/epoch-0003/line.nc")
    assert (last.attrs["epoch"], last.attrs["global_step"]) == (3, trainer.global_step)


def test_every_second_epoch_and_both_ends(fit: Callable[..., Any], tmp_path: Path) -> None:
    fit(callback(tmp_path / "found", epochs=None, every=2), max_epochs=5)
    assert files(tmp_path / "found") == [f"epoch-000{epoch}/line.nc" for epoch in (0, 2, 4, 5)]


def test_the_end_is_surveyed_once_also_where_training_stops_early(
    fit: Callable[..., Any], tmp_path: Path
) -> None:
    class Stop(Callback):
        def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            trainer.should_stop = trainer.current_epoch == 1

    fit(callback(tmp_path / "found", epochs=[2, -1]), Stop(), max_epochs=9)
    assert files(tmp_path / "found") == ["epoch-0002/line.nc"]


def test_what_it_measures_is_the_loss_of_the_weights_in_evaluation_mode(
    fit: Callable[..., Any], examples: TensorDataset, tmp_path: Path
) -> None:
    _, module = fit(callback(tmp_path))
    found = xr.load_dataset(tmp_path / "epoch-0003/line.nc")
    inputs, targets = examples.tensors
    with torch.no_grad():
        logits = module.eval()(inputs)
    at_centre = found.sel(split="train", alpha=0, direction=0)
    assert at_centre.loss.item() == pytest.approx(
        nn.functional.cross_entropy(logits, targets).item(), rel=1e-6
    )
    assert at_centre.error.item() == pytest.approx((logits.argmax(1) != targets).double().mean().item())


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_training_gives_the_same_bits_with_it_as_without(
    fit: Callable[..., Any], examples: TensorDataset, tmp_path: Path, precision: str
) -> None:
    noisy = Noisy(examples)
    plain = state(*fit(data=noisy, precision=precision))
    surveyed = state(*fit(callback(tmp_path), data=noisy, precision=precision))
    assert len(plain) > 20
    assert all(torch.equal(a, b) for a, b in zip(plain, surveyed, strict=True))


def test_a_module_in_the_callers_hands_is_left_in_training_mode_with_its_gradients(
    fit: Callable[..., Any], tmp_path: Path
) -> None:
    class Watch(Callback):
        modes: list[bool]
        gradients: list[Tensor | None]

        def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            self.modes = [part.training for part in pl_module.modules()]
            self.gradients = [p.grad.clone() for p in pl_module.parameters() if p.grad is not None]

    before, after = Watch(), Watch()
    fit(before, callback(tmp_path, epochs=[3]), after)
    assert all(after.modes)
    assert len(after.gradients) == 6
    assert all(torch.equal(a, b) for a, b in zip(before.gradients, after.gradients, strict=True))


def test_data_loss_and_network_may_be_others_than_the_trainers(
    fit: Callable[..., Any], examples: TensorDataset, tmp_path: Path
) -> None:
    inputs, targets = examples.tensors
    data = {"some": (inputs[:5], targets[:5]), "all": DataLoader(examples, batch_size=7)}
    fit(callback(tmp_path, data=data, network=lambda module: module.net))
    found = xr.load_dataset(tmp_path / "epoch-0000/line.nc")
    assert found.split.values.tolist() == ["some", "all"]
    torch.manual_seed(0)
    problem = Problem(Stranger().net, nn.CrossEntropyLoss(), {"some": data["some"], "all": examples.tensors})
    np.testing.assert_array_equal(found.loss, line(problem, points=3, directions=1).loss)


def test_an_interrupted_survey_goes_on_when_training_comes_to_the_same_weights(
    fit: Callable[..., Any], tmp_path: Path
) -> None:
    measured: list[int] = []

    def interrupted(problem: Problem, journal: Path) -> xr.Dataset:
        def stop(done: int, total: int) -> None:
            if done == 4:
                raise KeyboardInterrupt

        return surface(problem, points=3, journal=journal, progress=stop)

    def counted(problem: Problem, journal: Path) -> xr.Dataset:
        return surface(problem, points=3, journal=journal, progress=lambda done, total: measured.append(done))

    with pytest.raises(SystemExit):
        fit(callback(tmp_path / "a", surveys={"surface": interrupted}, epochs=[1]))
    assert files(tmp_path / "a") == ["epoch-0001/.surface.journal"]
    fit(callback(tmp_path / "a", surveys={"surface": counted}, epochs=[1]))
    assert measured == [4, 5, 6, 7, 8, 9]
    fit(callback(tmp_path / "b", surveys={"surface": counted}, epochs=[1]))
    assert files(tmp_path / "a") == ["epoch-0001/surface.nc"]
    whole, resumed = (xr.load_dataset(tmp_path / name / "epoch-0001/surface.nc") for name in "ba")
    xr.testing.assert_identical(whole, resumed)


def test_the_picture_goes_to_tensorboard(fit: Callable[..., Any], tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(str(tmp_path / "logs"))
    fit(callback(tmp_path, epochs=[0, 3]), logger=logger)
    events = EventAccumulator(logger.log_dir)
    events.Reload()
    assert [image.step for image in events.Images("landscape/line")] == [0, 9]


def test_the_picture_goes_to_wandb(fit: Callable[..., Any], tmp_path: Path) -> None:
    logger = WandbLogger(save_dir=str(tmp_path), mode="offline", project="surveys")
    fit(callback(tmp_path, epochs=[0, 3]), logger=logger)
    media = Path(logger.experiment.dir) / "media" / "images" / "landscape"
    wandb.finish()
    pictures = sorted(media.glob("line_*.png"))
    assert len(pictures) == 2
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": None}, "^give either epochs or every, got epochs=None and every=None$"),
        ({"every": 3}, r"^give either epochs or every, got epochs=\[0, 2, -1\] and every=3$"),
        ({"epochs": None, "every": 0}, "^every must be >= 1, got 0$"),
        ({"epochs": [3, -2]}, "^epochs count from 0, the start, and -1 is the end; got -2$"),
        ({"surveys": {}}, "^surveys are missing"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        callback(tmp_path, **options)


@pytest.mark.slow
def test_two_processes_share_the_points_and_training_gives_the_same_bits(tmp_path: Path) -> None:
    """Two processes that Lightning's DDP starts, in a program of their own."""
    program = tmp_path / "program.py"
    program.write_text(DDP_PROGRAM)
    for kind in ("with", "without"):
        subprocess.run([sys.executable, str(program), kind], cwd=tmp_path, check=True, timeout=120)
    plain, surveyed = (torch.load(tmp_path / f"{kind}.pt") for kind in ("without", "with"))
    assert all(torch.equal(tensor, surveyed[name]) for name, tensor in plain.items())
    assert files(tmp_path / "found") == ["epoch-0001/line.nc"]
    found = xr.load_dataset(tmp_path / "found/epoch-0001/line.nc")
    inputs = torch.randn(22, 4, generator=torch.Generator().manual_seed(1))
    network = nn.Linear(4, 3)
    network.load_state_dict({name.removeprefix("net."): tensor for name, tensor in plain.items()})
    data = {"train": (inputs, inputs[:, :3].argmax(1))}
    alone = line(Problem(network, nn.CrossEntropyLoss(), data), points=5, directions=2)
    np.testing.assert_array_equal(found.loss, alone.loss)


DDP_PROGRAM = """
import sys
from functools import partial
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from lossatlas.landscape import line
from lossatlas.studies import SurveyAtEpochs

torch.set_num_threads(1)


class Module(LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 3)

    def training_step(self, batch, _):
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


inputs = torch.randn(22, 4, generator=torch.Generator().manual_seed(1))
torch.manual_seed(0)
module = Module()
survey = SurveyAtEpochs({"line": partial(line, points=5, directions=2)}, nn.CrossEntropyLoss(), epochs=[1],
                        network=lambda module: module.net, folder="found")
trainer = Trainer(accelerator="cpu", devices=2, strategy="ddp", max_epochs=1, logger=False,
                  enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
                  callbacks=[survey] if sys.argv[1] == "with" else [])
trainer.fit(module, DataLoader(TensorDataset(inputs, inputs[:, :3].argmax(1)), batch_size=4, shuffle=True))
if trainer.is_global_zero:
    torch.save(module.state_dict(), sys.argv[1] + ".pt")
"""


# Beside callbacks that average weights


def at_the_end(folder: Path, epoch: int = 3) -> np.ndarray:
    with xr.open_dataset(folder / f"epoch-000{epoch}" / "line.nc") as found:
        return found.loss.values


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_beside_an_average_the_network_that_is_trained_is_surveyed(
    fit: Callable[..., Any], tmp_path: Path, first: bool
) -> None:
    """Whatever the order, at the end as well, and the module ends with the average all the same."""
    fit(callback(tmp_path / "alone"))
    averaged = EMAWeightAveraging(decay=0.9)
    surveys = callback(tmp_path / "beside")
    _, module = fit(*((surveys, averaged) if first else (averaged, surveys)))
    for epoch in (2, 3):
        np.testing.assert_array_equal(
            at_the_end(tmp_path / "beside", epoch), at_the_end(tmp_path / "alone", epoch)
        )
    _, expected = fit(EMAWeightAveraging(decay=0.9))
    assert all(map(torch.equal, module.state_dict().values(), expected.state_dict().values()))


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_beside_lightnings_swa_neither_its_average_nor_its_further_epoch_is_surveyed(
    fit: Callable[..., Any], tmp_path: Path, first: bool
) -> None:
    """The weights at the end are those after the third epoch; the fourth is for the batch norm of the average."""
    found = {}
    for name, epochs in (("named", [3]), ("end", [-1]), ("every", None)):
        surveys = callback(tmp_path / name, epochs=epochs, **({} if epochs else {"every": 3}))
        averaging = StochasticWeightAveraging(swa_lrs=0.05, swa_epoch_start=1)
        fit(*((surveys, averaging) if first else (averaging, surveys)))
        assert not (tmp_path / name / "epoch-0004").exists()
        found[name] = at_the_end(tmp_path / name)
    np.testing.assert_array_equal(found["end"], found["named"])
    np.testing.assert_array_equal(found["every"], found["named"])


def test_what_a_schedule_free_optimizer_averages_is_surveyed_and_the_training_stays_as_it_is(
    fit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def configured(module: Stranger) -> torch.optim.Optimizer:
        return SmallScheduleFree(module.parameters(), lr=0.2)

    monkeypatch.setattr(Stranger, "configure_optimizers", configured)
    monkeypatch.setattr(Stranger, "on_train_start", lambda module: module.trainer.optimizers[0].train())
    trainer, module = fit(callback(tmp_path / "found", epochs=[0, 1, -1]))
    _, alone = fit()
    assert all(map(torch.equal, module.state_dict().values(), alone.state_dict().values()))
    trainer.optimizers[0].eval()
    inputs, targets = trainer.train_dataloader.dataset.tensors
    expected = nn.functional.cross_entropy(module.eval()(inputs), targets).item()
    assert at_the_end(tmp_path / "found").squeeze()[..., 1] == pytest.approx(expected, rel=1e-5)  # alpha 0
