"""Finding runs in their folder, and reading what they hold."""

import shutil
from pathlib import Path

import pytest
import torch
from small_runs import manifest_of, small, trained

from lossatlas.runs.store.manifest import new_manifest
from lossatlas.runs.store.state_dicts import check_state
from lossatlas.runs.store.store import Run, Store, StoreError


def test_the_store_lists_the_runs_that_were_started_oldest_first(tmp_path: Path) -> None:
    runs = [trained(small(tmp_path, f"seed={seed}", "epochs=1")).fingerprint for seed in (2, 0, 1)]
    (tmp_path / "multirun.yaml").touch()
    (tmp_path / "0123456789abcdef").mkdir()  # asked for, but not started
    assert [run.fingerprint for run in Store(tmp_path).runs()] == runs


def test_a_run_with_a_damaged_manifest_is_listed_and_so_is_a_copied_one(tmp_path: Path) -> None:
    runs = [trained(small(tmp_path, f"seed={seed}", "epochs=1")) for seed in (0, 1)]
    runs[1].manifest_path.write_text("{")
    runs[0].lock_path.unlink()
    assert {run.fingerprint for run in Store(tmp_path).runs()} == {run.fingerprint for run in runs}


def test_a_store_that_is_not_there_is_empty_and_one_that_is_a_file_is_refused(tmp_path: Path) -> None:
    assert Store(tmp_path / "absent").runs() == []
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=rf"^{tmp_path}/file: cannot be read \(Not a directory\)$"):
        Store(tmp_path / "file").runs()


def test_a_run_that_was_never_asked_for_has_no_manifest_and_is_not_finished(tmp_path: Path) -> None:
    run = Store(tmp_path).run("0" * 16)
    assert run.manifest() is None
    assert not run.is_finished()
    assert not run.is_locked()
    assert not run.folder.exists()


def test_a_run_may_be_moved_to_another_store(tmp_path: Path) -> None:
    """Nothing in it says where it lies."""
    config = small(tmp_path / "old", "study.snapshot_epochs=[1]")
    run = trained(config)
    shutil.move(tmp_path / "old", tmp_path / "new")
    moved = Store(tmp_path / "new").run(run.fingerprint)
    assert moved.is_finished()
    assert len(manifest_of(trained(small(tmp_path / "new", "study.snapshot_epochs=[1]"))).attempts) == 1


def test_the_history_keeps_every_digit(tmp_path: Path) -> None:
    numbers = [0.1 + 0.2, 1 / 3, 1e-300, 2.0**-1074, 123456789.123456789, 8.41, 5e15 + 1]
    run = Run(tmp_path)
    run.write_history([{"epoch": k, "step": 3 * k, "loss": number} for k, number in enumerate(numbers)])
    history = run.history()
    assert history.loss.tolist() == numbers
    assert history.step.tolist() == [0, 3, 6, 9, 12, 15, 18]
    assert history.index.tolist() == list(range(7))


def test_a_value_that_a_row_lacks_is_not_a_number(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_history([{"epoch": 0, "step": 0}, {"epoch": 1, "step": 3, "loss": 2.0}])
    assert run.history().loss.isna().tolist() == [True, False]


def test_tensors_come_back_bit_for_bit_whatever_their_layout(tmp_path: Path) -> None:
    state = {
        "channels_last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "transposed": torch.randn(3, 5).T,
        "count": torch.tensor(7),
        "half": torch.randn(3).half(),
    }
    run = Run(tmp_path)
    run.write_tensors(run.weights_path, state)
    for name, tensor in run.state().items():
        assert tensor.dtype == state[name].dtype
        assert torch.equal(tensor, state[name])


@pytest.mark.parametrize("content", [b"", b'\x08\0\0\0\0\0\0\0{"a":', b"not a safetensors file"])
def test_a_weights_file_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    run = Run(tmp_path)
    run.weights_path.write_bytes(content)
    message = rf"^{run.weights_path}: not a readable safetensors file \("
    with pytest.raises(StoreError, match=message):
        run.state()
    with pytest.raises(StoreError, match=rf"^{run.snapshot_path(3)}: not a readable safetensors file \("):
        run.snapshot(3)


@pytest.mark.parametrize("content", ["", "[]", "7", "null", '"text"', "{}", '{"status": "finished"}', "\x00"])
def test_a_manifest_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    run = Run(tmp_path)
    run.manifest_path.write_text(content)
    with pytest.raises(StoreError, match=rf"^{run.manifest_path}: damaged \("):
        run.manifest()
    assert not run.is_finished()


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_only_a_finished_run_is_finished(tmp_path: Path, status: str) -> None:
    run = trained(small(tmp_path, "epochs=1"))
    manifest = manifest_of(run)
    manifest.status = status  # type: ignore[assignment]
    run.write_manifest(manifest)
    assert not run.is_finished()


def test_a_manifest_without_results_does_not_make_a_run_finished(tmp_path: Path) -> None:
    run = Run(tmp_path)
    manifest = new_manifest("f" * 16, 1, seed=0, experiment=None, overrides=[])
    manifest.status = "finished"
    run.write_manifest(manifest)
    assert not run.is_finished()


# The weights of another network

HERE = {"a": torch.zeros(2, 3), "b": torch.zeros(4), "c": torch.zeros(())}


@pytest.mark.parametrize(
    ("there", "difference"),
    [
        ({"a": HERE["a"], "c": HERE["c"]}, "it lacks b"),
        ({**HERE, "d": torch.zeros(1)}, "this network has no d"),
        ({**HERE, "b": torch.zeros(5), "c": torch.zeros(1)}, r"b has shape \(5,\) there, \(4,\) here"),
        ({**HERE, "c": torch.zeros(1)}, r"c has shape \(1,\) there, \(\) here"),
        ({}, "it lacks a"),
    ],
)
def test_the_first_difference_of_two_networks_is_named(
    there: dict[str, torch.Tensor], difference: str
) -> None:
    with pytest.raises(StoreError, match=rf"^x\.ckpt holds another network's weights: {difference}$"):
        check_state(HERE, there, Path("x.ckpt"))


def test_the_same_names_and_shapes_pass_in_any_order() -> None:
    check_state(HERE, dict(reversed(HERE.items())), Path("x.ckpt"))
