"""Bad input: one clear line on standard error, an exit status, no traceback, and nothing trained."""

from pathlib import Path

import pytest
from typed import TINY, attempts, statuses, type_here

from lossatlas.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "model=resnt20"], "model=resnt20: no such choice; did you mean resnet20?"),
        (["train", "landscape=[line,surfce]"], "landscape=surfce: no such choice; did you mean surface?"),
        (["train", "experiment=shrpness"], "experiment=shrpness: no such choice; did you mean sharpness?"),
        (
            ["train", "experiment=sharpness", "scale=big"],
            "scale=big: the experiment sharpness has no such scale; expected one of digits, paper",
        ),
        (
            ["train", "hydra/launcher=proceses"],
            "hydra/launcher=proceses: no such choice; did you mean processes?",
        ),
        (["train", "modle=mlp"], "modle: no such key; did you mean model?"),
        (["train", "optimizer.learning_rte=1"], "optimizer.learning_rte: no such key; expected one of"),
        (
            ["train", "optimizer.nestrov=1"],
            "optimizer.nestrov: no such key; did you mean optimizer.nesterov?",
        ),
        (
            ["train", "model=resnet20", "model.dept=20"],  # a key of this choice, not of the default one
            "model.dept: no such key; did you mean model.depth?",
        ),
        (["train", "+seeds=1"], "seeds: unknown key; did you mean seed?"),
        (
            ["train", "+model.wdith=4"],
            "model.wdith: lossatlas.models.VGG takes no such key; did you mean width?",
        ),
        (["train", "regularizer.l1=1"], "regularizer.l1: no such key; it comes with regularizer=l1"),
        (["train", "regularizer.l3=1"], "regularizer.l3: no such key; regularizer has no keys"),
        (
            ["train", "-m", "landscape=line,surface", "landscape.line.points=3"],
            "landscape.line.points: only jobs with landscape=line have it; for all of them in each job type "
            "landscape=[line,surface]",
        ),
        (
            ["train", "landscape.line.points=3"],
            "landscape.line.points: no such key; it comes with landscape=line",
        ),
        (["train", "logger.csv.name=a"], "logger.wandb.csv.name: no such key; expected one of"),
        (["train", "~model"], "model is missing from the configuration"),
        (["train", "seed"], "seed: cannot be read; an override is written KEY=VALUE"),
        (["train", "seed=0,1"], "seed=0,1: several values are a sweep, which needs -m"),
        (
            ["train", "model=resnet20", "model.depth=21"],
            "model: depth must be even and >= 8, got 21: nearest is 20 or 22",
        ),
        (
            ["train", "model=vgg16"],
            "model: a VGG with 5 poolings needs images of at least 32x32 pixels, got 8x8",
        ),
        (
            ["train", "data.batch_size=2000"],
            "data: batch_size must be 1 to 1000, the size of the training set",
        ),
        (["train", "data=cifar10"], "CIFAR-10 is not in data: type data.download=true"),
        (["train", "trainer.devices=2"], "trainer.devices=2: a run takes one device"),
        (["train", "--config-dir", "nowhere"], "--config-dir=nowhere: no such folder"),
        (["train", "landscape=interpolation"], "landscape.interpolation.other.run is required"),
        (
            ["train", "landscape=line", "landscape.line.points=0"],
            "landscape.line: points must be >= 2, got 0",
        ),
        (
            ["train", "landscape=line", "landscape.line.splits=[tran]"],
            "landscape.line: unknown split 'tran', the data has train, validation, test",
        ),
        (
            ["train", "landscape=interpolation", "landscape.interpolation.other.run=[model.width=4]"],
            "[model.width=: cannot be read",
        ),
        (
            ["train", "landscape=interpolation", 'landscape.interpolation.other.run=["model.width=4"]'],
            "landscape.interpolation: the other network",
        ),
        (["train", "paths.runs=a_file"], "not a directory"),
        (
            ["train", "-m", "hydra.launcher.jobs=0"],
            "hydra.launcher.jobs must be a whole number >= 1, or null; got 0",
        ),
        (["train", "-paths.runs=x"], "-paths.runs: no such option; an override is written without a dash"),
        (
            ["reproduce", "sharpness", "--seed=1"],
            "--seed: no such option; an override is written without a dash",
        ),
        (
            ["train", "scheduler=[null]"],
            "scheduler=[null]: expected the name of a choice, one of constant, cosine",
        ),
        (["train", "data=null"], "data=null: expected the name of a choice, one of cifar10"),
        (
            ["train", "optimizer=[sgd,adam]"],
            "optimizer=[sgd,adam]: expected one choice; to have each in turn, type -m",
        ),
        (["train", "experiment=null"], "experiment=null: expected the name of an experiment"),
        (["train", "+experiment.axes=null"], "experiment.axes=None: expected overrides by name"),
        (["train", "runtime=null"], "runtime=None: expected a mapping"),
        (
            ["train", "~runtime.checkpoint_seconds"],
            "runtime.checkpoint_seconds is missing from the configuration",
        ),
        (["train", "paths.runs=nan"], "paths.runs=nan: expected a folder, as text"),
        (["train", "data._target_=1"], "data._target_=1: expected the name of a class or function"),
        (["train", "data.batch_size=16.0"], "data.batch_size=16.0: expected a whole number"),
        (["train", "data.augment=-1"], "data.augment=-1: expected a mapping or null"),
        (
            ["train", "+data.augment.crop=-1"],
            "data.augment.crop=-1: expected a mapping with a _target_ or null",
        ),
        (
            ["train", "data.classes={members: all}"],
            "data.classes={'members': 'all'}: expected a whole number",
        ),
        (
            ["train", "model=mlp", "model.hidden=64"],
            "model.hidden=64: expected a list of which each is a whole number",
        ),
        (["train", "optimizer.lr='0.1'"], "optimizer.lr=0.1: expected a number"),
        (["train", "optimizer.lr=inf"], "optimizer.lr=inf: expected a finite number"),
        (
            ["train", "optimizer.nesterov=builtins.print"],
            "optimizer.nesterov=builtins.print: expected true or false",
        ),
        (
            ["train", "study.snapshot_epochs=[0x1]"],
            "study.snapshot_epochs=['0x1']: expected a list of which each is a",
        ),
        (
            ["train", "study.loss.label_smoothing=-1"],
            "study.loss.label_smoothing=-1: expected a number from 0 to 1",
        ),
        (
            ["train", "study.metrics.error.num_classes=3"],
            "study: metrics.error.num_classes=3: the data have 10 classes",
        ),
        (["train", "+study.seed=3"], "study.seed: not to be set; it is given by the other sections"),
        (
            ["train", "regularizer=l2", "regularizer.l2=-0.5"],
            "regularizer.l2=-0.5: expected a mapping with a _target_",
        ),
        (
            ["train", "runtime.checkpoint_seconds=nan"],
            "runtime.checkpoint_seconds=nan: expected a number >= 0",
        ),
        (
            ["train", "trainer.precision=64-true"],
            "trainer.precision=64-true: expected 32-true or bf16-mixed, or on a GPU",
        ),
        (
            ["train", "trainer.precision=bf16-true"],
            "trainer.precision=bf16-true: expected 32-true or bf16-mixed",
        ),
        (
            ["train", "trainer=cpu", "trainer.precision=16-mixed"],
            "trainer.precision=16-mixed: this machine's processor",
        ),
        (
            ["train", "trainer.accelerator=abacus"],
            "trainer.accelerator=abacus: expected one of auto, gpu, cpu",
        ),
        (
            ["train", "+trainer.accumulate_grad_batches=0"],
            "trainer.accumulate_grad_batches=0: expected a whole number >= 1",
        ),
        (
            ["train", "landscape=line", "landscape.line.engine=2.5"],
            "landscape.line.engine=2.5: expected a mapping with a",
        ),
        (
            ["train", "landscape=line", "landscape.line._target_=1"],
            "landscape.line._target_=1: expected the name of a class",
        ),
        (
            ["train", "landscape=interpolation", "landscape.interpolation.other.run=[1]"],
            "landscape.interpolation.other.run: expected overrides, as",
        ),
        (["reproduce", "shrpness"], "shrpness: no such experiment; did you mean sharpness?"),
        (["reproduce", "sharpness", "modle=mlp"], "modle: no such key; did you mean model?"),
        (["reproduce", "sharpness", "--no-train"], "no run of sharpness is finished: leave out --no-train"),
        (["runs", "seed"], "seed: a filter is written KEY=VALUE"),
        (["runs", "--store", "a_file"], "a_file: cannot be read (Not a directory)"),
        (["trian"], "trian: no such command; did you mean train?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_told_in_one_line_and_nothing_is_trained(
    folder: Path, arguments: list[str], complaint: str
) -> None:
    (folder / "a_file").touch()
    answer = type_here(*arguments)
    assert answer.status not in (0, 130)
    assert complaint in answer.complaint
    assert answer.out == ""
    assert attempts(folder) == 0


def test_a_network_that_gives_a_tuple_is_told_before_anything_is_trained(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "two.py").write_text(
        "from torch import nn\n\n\n"
        "class Two(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(64, 4))\n\n"
        "    def forward(self, x):\n"
        "        return super().forward(x), None\n"
    )
    monkeypatch.syspath_prepend(folder)
    typed = [word for word in TINY if not word.startswith("model")]
    answer = type_here("train", *typed, "model._target_=two.Two")
    assert "model: it gives a tuple for two images, expected a tensor of logits, [2, 4]" in answer.complaint
    assert attempts(folder) == 0


def test_a_key_that_a_signature_hides_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As configurations of transformers have it: functools.wraps shows the signature of what is wrapped."""
    (folder / "hiding.py").write_text(
        "import functools\n\nfrom torch import nn\n\n\n"
        "def with_labels(function):\n"
        "    @functools.wraps(function)\n"
        "    def init(self, labels=2, **named):\n"
        "        function(self, **named)\n"
        "        self.labels = labels\n\n"
        "    return init\n\n\n"
        "class Settings:\n"
        "    @with_labels\n"
        "    def __init__(self): ...\n\n\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self, settings):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(64, settings.labels))\n"
    )
    monkeypatch.syspath_prepend(folder)
    typed = [word for word in TINY if not word.startswith("model")]
    settings = ["+model.settings._target_=hiding.Settings", "+model.settings.labels=4"]
    assert type_here("train", *typed, "model._target_=hiding.Net", *settings).status == 0
    wrong = type_here("train", *typed, "model._target_=hiding.Net", settings[0], "+model.settings.lables=4")
    assert "unexpected keyword argument 'lables'" in wrong.complaint


ENDS = "study.ends=[{{run: ['seed=1']}}, {{run: ['seed=2'{}]}}]"
PUSHED = ("study=distance_kernel", "study.checkpoints=[1]")
START = ("study=fge", "scheduler=triangular", "study.start.run=['scheduler=cosine']")


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (
            ["study=tunnels"],
            "study=tunnels: tunnels is an experiment, over study=classifier and study=curve; type lossatlas "
            "reproduce tunnels, or lossatlas train experiment=tunnels",
        ),
        (["study=curve"], "study.ends is required: give study.ends=VALUE"),
        (
            ["study=curve", ENDS.format(",'seed=1'")],
            "are ends with the same seed=1; expected a seed for each end",
        ),
        (
            ["study=curve", ENDS.format(",'model.hidden=[9]'")],
            "has 'layers.1.weight' of shape (9, 64), the network of shape (8, 64)",
        ),
        (["study=curve", "study.ends=[{run: ['seed=1']}]"], "a curve needs at least two ends, got 1"),
        (["study=curve", ENDS.format(""), "study.curve.bends=0"], "curve.bends=0 leaves nothing to train"),
        (
            ["study=curve", ENDS.format(""), "optimizer.weight_decay=5e-4"],
            "type optimizer.weight_decay=0 regularizer=l2 regularizer.l2.weight_decay=0.0005",
        ),
        (["study=curve", "study.ends=[{run: '3f0c'}, {run: ['seed=2']}]"], "3f0c: no such run; there are no"),
        (["study=curve", "study.ends=[{run: 3}, {run: ['seed=2']}]"], "run: expected overrides, as"),
        (["study=snapshot"], "Cosine has no cycles: expected scheduler=cyclic_cosine, warm_restarts or"),
        (
            ["study=snapshot", "scheduler=cyclic_cosine", "scheduler.cycles=20"],
            "20 cycles do not fit in 8 steps",
        ),
        (["study=snapshot", "scheduler=warm_restarts"], "no cycle of the schedule ends within 2 epochs"),
        (["study=fge", "scheduler=triangular"], "study.start.run is required"),
        ([*START, "scheduler.cycle=6"], "a cycle of 24 steps is longer than the run, which has 8"),
        ([*START, "scheduler.cycle=3", "scheduler.unit=steps"], "an odd number, and so has no step in its"),
        (["data.train_on=one_fold", "data.parts=17"], "got 17: a fold would leave a class out"),
        (["data.train_on=one_fold", "data.part=5"], "data: part must be 0 to 4 with parts = 5, got 5"),
        (["study=checkpoints", "study.members=100"], "members must be 1 to the 8 steps of training, got 100"),
        (
            ["study=elastic_band", ENDS.format(""), "study.cycles=[{steps: 9}]"],
            "epochs must be 3, in the last",
        ),
        (["landscape=ensemble"], "landscape.ensemble: the run keeps no members: study=snapshot keeps one"),
        (
            [
                "landscape=ensemble",
                "landscape.ensemble.members=[{run: ['seed=1']}, {run: ['data.classes=5']}]",
            ],
            "landscape.ensemble: member 1, MLP, tells 5 classes apart, the network 4: the members of an ensemble must",
        ),
        ([*PUSHED, "study.width.sigma=0"], "study: sigma must be positive, got 0"),
        ([*PUSHED, "study.strength=-1"], "study: strength must be positive, got -1"),
        (
            [*PUSHED, "study.checkpoints=[2]"],
            "checkpoints: expected epochs of 0, the initialisation, to 1, got 2",
        ),
        ([*PUSHED, "study.checkpoints=null"], "give either checkpoints or every, and the other as null"),
        (
            [*PUSHED, "study.release=1"],
            "release: expected an epoch after the first checkpoint, 2 to 2, got 1",
        ),
        ([*PUSHED, "study/merging=mean"], "merging: MeanOfCheckpoints needs 2 checkpoints, got 1"),
        ([*PUSHED, "study/kernel=gauss"], "study/kernel=gauss: no such choice; expected one of"),
        ([*PUSHED, "study.distance.bias=false"], "no such key; did you mean study.distance.biases?"),
        (
            [*PUSHED, "study.checkpoints=[0]", "study/width=travelled"],
            "width is a multiple of the distance from the initialisation to the checkpoint, which is 0",
        ),
        (
            [*PUSHED, "study.checkpoints=[0,1]", "study.trunk={run: ['epochs=1']}"],
            "has 1 epochs, but the first checkpoint is taken after epoch 0",
        ),
        (
            [*PUSHED, "study.trunk={runs: ['epochs=1']}"],
            "study.trunk={'runs': ['epochs=1']}: expected a run, as {run: [overrides]}, or null",
        ),
        ([*PUSHED, "study.trunk={run: ['seed=1','epochs=1']}"], "has the seed 1, this run 0"),
        (
            [*PUSHED, "study.trunk={run: ['epochs=1','model.hidden=[9]']}"],
            "the trunk, has 'layers.1.weight' of shape (9, 64), the network of shape (8, 64)",
        ),
        (
            ["landscape=path", "landscape.path.through={curve: []}"],
            "landscape.path: the run that is named trains no curve: study=curve trains one",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_joined_or_gathered_is_told_before_anything_is_trained(
    folder: Path, overrides: list[str], complaint: str
) -> None:
    answer = type_here("train", *TINY, *overrides)
    assert answer.status not in (0, 130)
    assert complaint in answer.complaint
    assert attempts(folder) == 0


def test_an_end_that_is_not_finished_is_told_with_its_status(folder: Path) -> None:
    assert type_here("train", *TINY, "seed=1").status == 0
    (manifest,) = folder.glob("runs/*/manifest.json")
    (manifest.parent / "weights.safetensors").unlink()
    name = manifest.parent.name
    answer = type_here("train", *TINY, "study=curve", f"study.ends=[{{run: '{name}'}}, {{run: ['seed=2']}}]")
    assert f"run {name} is damaged, not finished; named by overrides it is trained" in answer.complaint


def test_a_sweep_with_bad_jobs_among_good_ones_launches_none(folder: Path) -> None:
    answer = type_here("train", "-m", *TINY, "seed=0,1", "data.batch_size=16,65,66", "hydra/launcher=basic")
    assert answer.status == 1
    assert answer.complaint.endswith("got 65")
    assert not (folder / "runs").exists()


def test_a_run_that_fails_does_not_keep_the_rest_of_its_sweep_from_being_done(folder: Path) -> None:
    """At the rate 1e10 the loss is NaN after some steps, which nothing can tell beforehand."""
    sweep = ["train", "-m", *TINY, "seed=0,1", "hydra/launcher=basic"]
    answer = type_here(*sweep, "optimizer.lr=1e10")
    assert answer.status == 1
    assert answer.complaint.startswith("2 of 2 runs failed: first seed=0: run ")
    assert "the training loss became" in answer.complaint
    assert answer.out.count("failed") == 2

    mixed = type_here(*sweep, "optimizer.lr=1e10,0.1")
    assert mixed.status == 1
    assert mixed.complaint.startswith("2 of 4 runs failed: first seed=0 lr=")
    assert "failed before" in mixed.complaint
    good = [line.split() for line in mixed.out.splitlines() if "lr=0.1" in line]
    assert [(seed, status) for _, seed, _, status, _ in good] == [
        ("seed=0", "finished"),
        ("seed=1", "finished"),
    ]


def test_the_traceback_of_an_error_is_shown_on_request(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(ValueError, match="depth must be even"):
        main(["train", "model=resnet20", "model.depth=21"])
    with pytest.raises(Exception, match="the training loss became"):
        main(["train", *TINY, "optimizer.lr=1e10"])
    assert "Traceback" in capfd.readouterr().err  # of the job, which may have run elsewhere
    assert statuses(folder) == {0: "failed"}


def test_an_error_that_is_not_the_users_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("lossatlas.runs.ensure.ensure_job", broken)
    answer = type_here("train", *TINY)
    assert answer.status == 1
    assert "Traceback" in answer.err
    assert answer.err.endswith("lossatlas: ZeroDivisionError: a bug\n")


def test_a_mistake_in_the_yaml_of_an_experiment_is_told_with_its_place(folder: Path) -> None:
    mine = folder / "conf" / "experiment" / "mine"
    mine.mkdir(parents=True)
    (mine / "digits.yaml").write_text("# @package _global_\nepochs: 1\nexperiment: {name: ???}\n")
    answer = type_here("train", f"--config-dir={folder / 'conf'}", "experiment=mine/digits")
    assert answer.status == 1
    assert "digits.yaml, line 3, column 20: expected the node content, but found '?'" in answer.complaint
    assert attempts(folder) == 0
