"""Where the numbers of a run go while it goes on: `metrics.jsonl` and wandb."""
