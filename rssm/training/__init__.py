"""The world model's training: optimiser, trainer, processes that share it, checkpoints, run folders."""
