import torch

from lossatlas.toy import Coordinate


def test_it_is_the_mean_over_all_examples_and_not_over_batches() -> None:
    outputs, metric = torch.tensor([[0.0, 1.0], [0.0, 2.0], [0.0, 6.0]]), Coordinate(1)
    for batch in outputs.split(2):
        metric.update(batch, torch.zeros(len(batch)))
    assert metric.compute() == 3
    metric.reset()
    metric.update(outputs[2:], torch.zeros(1))
    assert metric.compute() == 6
