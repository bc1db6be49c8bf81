"""The key by which an installation knows its own runs."""

import stat
from pathlib import Path

import pytest
from small_runs import manifest_of, small, trained

from lossatlas.runs.store.signature import is_signed, key_path, signature


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the settings of a user who has just come."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "settings"


def test_the_key_is_made_when_something_is_signed_and_is_its_user_s_alone(settings: Path) -> None:
    assert not is_signed(b"text", "0" * 64)
    assert not settings.exists()
    signed = signature(b"text")
    assert signed == signature(b"text") != signature(b"texT")
    assert is_signed(b"text", signed)
    assert not is_signed(b"texT", signed)
    assert not is_signed(b"text", None)
    assert key_path().is_relative_to(settings)
    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    assert [path.name for path in key_path().parent.iterdir()] == ["key"]


def test_another_user_s_signature_is_none_of_one_s_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    theirs = signature(b"text")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "mine"))
    signature(b"something else")
    assert not is_signed(b"text", theirs)


def test_where_no_key_can_be_kept_nothing_is_signed_and_runs_are_trained_all_the_same(
    settings: Path, tmp_path: Path
) -> None:
    settings.write_text("no folder")
    assert signature(b"text") is None
    run = trained(small(tmp_path / "runs", "epochs=1"))
    assert run.is_finished()
    assert not run.is_signed()
    assert manifest_of(run).signature is None


def test_a_run_is_known_by_whoever_has_trained_it_until_its_record_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(small(tmp_path / "runs", "epochs=1"))
    assert run.is_own()
    text = run.config_path.read_text()
    run.config_path.write_text(text + "\n")
    assert run.is_signed()
    assert not run.is_own()  # the configuration is not that of the record
    run.config_path.write_text(text)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another"))
    assert run.is_finished()
    assert not run.is_signed()
    assert not run.is_own()
