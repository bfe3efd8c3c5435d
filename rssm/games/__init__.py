"""Games that a world model can learn."""
