"""How wandb shows a run: names and sections, charts of several lines, pictures of the game, the workspace."""
