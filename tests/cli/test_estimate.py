"""`lossatlas reproduce NAME --estimate`: what it takes, before any of it is computed."""

from pathlib import Path

from typed import type_here

ONE = ("seed=0", "optimizer=sgd", "optimizer.weight_decay=0.0", "data.batch_size=128", "landscape=[line]")


def test_trainings_and_landscapes_are_listed_and_nothing_is_computed_or_read(folder: Path) -> None:
    answer = type_here("reproduce", "sharpness", "scale=paper", "--estimate", *ONE)
    assert (answer.status, answer.err) == (0, "")
    words = " ".join(answer.out.split())
    assert "training: 1 run x 300 epochs x 50,000 images" in words
    assert "line: 1 x 510 points x 60,000 images" in words
    assert (
        "9.75 TFLOP/s (half of the 19.5 TFLOP/s that NVIDIA's data sheet gives an A100 in float32)" in words
    )
    assert list(folder.iterdir()) == []


def test_another_throughput_is_taken_and_shown(folder: Path) -> None:
    answer = type_here("reproduce", "sharpness", "scale=paper", "--estimate", "--throughput=4", *ONE)
    assert "at 4 TFLOP/s (as typed)" in " ".join(answer.out.split())
    refused = type_here("reproduce", "sharpness", "--estimate", "--throughput=0", *ONE[:-2])
    assert refused.status == 1
    assert refused.complaint == "throughput: expected TFLOP/s above 0, got 0"
