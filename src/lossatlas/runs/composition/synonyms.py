"""Synonyms: the words of Lightning and of lightning-hydra-template, and ours for them."""

TRAINER = {
    # argument of Lightning's Trainer -> what is typed here; training sets it itself, or would not come to its end
    "max_epochs": "type epochs=N",
    "callbacks": "type callbacks=[early_stopping], or +callbacks.mine._target_=yours.Callback",
    "logger": "type logger=csv, logger=[wandb,csv] or logger=none",
    "default_root_dir": "type paths.runs=FOLDER; each run has a folder of its own in it",
    "enable_checkpointing": "runs always write checkpoints: runtime.checkpoint_seconds says how often",
    "plugins": "training sets it; trainer.precision chooses a precision",
    "strategy": "a run takes one device; a sweep (-m) runs as many jobs side by side as there are devices",
    "barebones": "it leaves out what a run records",
    **dict.fromkeys(
        (
            *("use_distributed_sampler", "sync_batchnorm", "reload_dataloaders_every_n_epochs"),
            *("inference_mode", "model_registry", "enable_autolog_hparams"),
        ),
        "it would change nothing in a run: leave it out",
    ),
    **dict.fromkeys(
        ("max_steps", "max_time", "fast_dev_run", "limit_train_batches", "overfit_batches"),
        "a run ends with its last epoch: type epochs=N, or debug=limit for a trial of three steps",
    ),
    **dict.fromkeys(
        (
            *("limit_val_batches", "limit_test_batches", "limit_predict_batches"),
            *("val_check_interval", "check_val_every_n_epoch", "num_sanity_val_steps"),
        ),
        "a study measures the whole validation split after every epoch; data.validation=N is its size",
    ),
}
"""Arguments of Lightning's Trainer that a run does not take, each with what to type in its place."""

_ADDED = (
    *("accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm", "profiler"),
    *("detect_anomaly", "benchmark", "log_every_n_steps", "min_epochs", "min_steps", "num_nodes"),
)
"""Arguments that a run does take, and that no choice of ours has."""

_KEYS = {
    "ckpt_path": "a run goes on from its own checkpoint when it is asked for again; "
    "lossatlas landscape ckpt=FILE surveys weights of your own",
    "tags": "type experiment.tags=[a,b]",
    "task_name": "type experiment.name=NAME",
    "max_epochs": "type epochs=N",
    **dict.fromkeys(
        ("accumulate_grad_batches", "gradient_accumulation_steps", "study.accumulate_grad_batches"),
        "type +trainer.accumulate_grad_batches=N",
    ),
    "batch_size": "type data.batch_size=N",
    **dict.fromkeys(("lr", "learning_rate"), "type optimizer.lr=RATE"),
    "lr_scheduler": "type scheduler=CHOICE",
    "weight_decay": "type optimizer.weight_decay=X",
    "precision": "type trainer.precision=bf16-mixed, or trainer=bf16",
    "accelerator": "type trainer.accelerator=cpu, or trainer=cpu",
    "devices": "type trainer.devices=N",
    "train": "a run is always trained",
    "test": "every run measures its test split at its end",
    "hparams_search": "a sweep is typed -m KEY=A,B",
    **dict.fromkeys(("output_dir", "log_dir", "paths.output_dir", "paths.log_dir"), "type paths.runs=FOLDER"),
    **dict.fromkeys(("data_dir", "paths.data_dir", "data.data_dir"), "type paths.data=FOLDER"),
    "paths.root_dir": "type paths.runs=FOLDER, paths.results=FOLDER or paths.data=FOLDER",
    "data.num_workers": "the data lie in memory and are gathered by the batch, without workers",
    "data.pin_memory": "the data lie on the device",
    "model.net": "type model=CHOICE, or model._target_=yours.Net",
    "model.optimizer": "type optimizer=CHOICE",
    "model.scheduler": "type scheduler=CHOICE",
    "model.compile": "networks are run as they are",
}


def our_word(key: str) -> str | None:
    """Clause that says what is typed here in place of ``key``; None if nobody calls anything so.

    A key within another, such as "model.optimizer.lr", is answered as the whole.

    >>> our_word("trainer.max_epochs"), our_word("model.optimizer.lr"), our_word("colour")
    ('type epochs=N', 'type optimizer=CHOICE', None)
    """
    parts = key.split(".")
    if parts[0] == "trainer" and len(parts) > 1:
        return f"a new key is written +{key}=VALUE" if parts[1] in _ADDED else TRAINER.get(parts[1])
    return next(
        (_KEYS[whole] for n in range(len(parts), 0, -1) if (whole := ".".join(parts[:n])) in _KEYS), None
    )
