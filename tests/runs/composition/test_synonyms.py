"""What users of Lightning and of its Hydra template call otherwise is answered with our word for it."""

import inspect
from pathlib import Path

import pytest
from pytorch_lightning import Trainer
from small_runs import small

from lossatlas.runs.check import check_config
from lossatlas.runs.composition import synonyms
from lossatlas.runs.composition.compose import compose_job
from lossatlas.runs.composition.job import ConfigError


def test_what_is_said_of_the_trainer_are_arguments_that_it_has() -> None:
    assert {*synonyms.TRAINER, *synonyms._ADDED} <= set(inspect.signature(Trainer).parameters)


def test_no_word_is_answered_that_is_a_key_here(tmp_path: Path) -> None:
    config = small(tmp_path)
    for word in synonyms._KEYS:
        section, _, key = word.partition(".")
        assert (key or section) not in (config[section] if key else config)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+trainer.max_epochs=3", r"^trainer\.max_epochs=3: not to be set; type epochs=N$"),
        (
            "+trainer.callbacks=[a]",
            r"^trainer\.callbacks=\['a'\]: not to be set; type callbacks=\[early_stopping\]",
        ),
        ("+trainer.logger=false", r"^trainer\.logger=False: not to be set; type logger=csv"),
        ("+trainer.default_root_dir=x", r"^trainer\.default_root_dir=x: .* type paths\.runs=FOLDER"),
        (
            "+trainer.enable_checkpointing=false",
            r"^trainer\.enable_checkpointing=False: .*checkpoint_seconds",
        ),
        (
            "+accumulate_grad_batches=2",
            r"^accumulate_grad_batches: unknown key; type \+trainer\.accumulate_grad_batches=N$",
        ),
        (
            "+study.accumulate_grad_batches=2",
            r"^study\.accumulate_grad_batches: not to be set; type \+trainer\.accumulate_grad_batches=N$",
        ),
        ("+trainer.sync_batchnorm=true", r"^trainer\.sync_batchnorm=True: .*it would change nothing"),
        ("+trainer.max_steps=3", r"^trainer\.max_steps=3: .* type epochs=N, or debug=limit"),
        ("+trainer.max_time=00:00:01:00", r"^trainer\.max_time=.* type epochs=N"),
        ("+trainer.fast_dev_run=true", r"^trainer\.fast_dev_run=True: .* debug=limit"),
        ("+trainer.limit_train_batches=2", r"^trainer\.limit_train_batches=2: .* debug=limit"),
        ("+trainer.check_val_every_n_epoch=2", r"^trainer\.check_val_every_n_epoch=2: .*data\.validation=N"),
        ("+trainer.strategy=ddp", r"^trainer\.strategy=ddp: .*a run takes one device"),
        (
            "+ckpt_path=x",
            r"^ckpt_path: unknown key; a run goes on from its own checkpoint .* landscape ckpt=FILE",
        ),
        ("+tags=[a]", r"^tags: unknown key; type experiment\.tags=\[a,b\]$"),
        ("+task_name=x", r"^task_name: unknown key; type experiment\.name=NAME$"),
        ("+paths.output_dir=x", r"^paths\.output_dir: unknown key; type paths\.runs=FOLDER$"),
        ("+data.num_workers=2", r"^data\.num_workers: .* takes no such key; .* without workers$"),
    ],
)
def test_what_is_called_otherwise_here_is_answered_with_our_word(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_config(small(tmp_path, override))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_epochs=3", r"^trainer\.max_epochs: no such key; type epochs=N$"),
        (
            "trainer.gradient_clip_val=1",
            r"^trainer\.gradient_clip_val: no such key; .* \+trainer\.gradient_clip_val",
        ),
        ("ckpt_path=x", "^ckpt_path: no such key; a run goes on from its own checkpoint"),
        ("model.optimizer.lr=1", r"^model\.optimizer\.lr: no such key; type optimizer=CHOICE$"),
    ],
)
def test_so_it_is_without_a_plus(override: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compose_job([override])
