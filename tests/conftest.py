"""One thread per process and no wandb, before anything is imported that reads these."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["WANDB_MODE"] = "disabled"
