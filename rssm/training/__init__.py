"""The world model's training: optimiser, trainer, checkpoints, run folders."""
