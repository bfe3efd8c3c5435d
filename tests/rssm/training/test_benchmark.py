import dataclasses

import torch

from rssm.config import WorldModelConfig
from rssm.training.benchmark import time_updates

CPU = torch.device("cpu")


def test_two_processes_are_timed_as_one_training(pong_data):
    small = WorldModelConfig()
    job = dataclasses.replace(small, train=dataclasses.replace(small.train, batch_size=2, chunk_length=8))
    timing = time_updates(job, pong_data, CPU, 2, workers=2)
    assert timing.wall_ms > 0
    assert timing.transitions_per_second == 1e3 * 16 / timing.wall_ms
    assert timing.gflop == 0
