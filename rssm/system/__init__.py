"""The machine: its device, threads and memory, signals, worker processes."""
