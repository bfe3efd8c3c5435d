"""Pong inside the world model: real starts, a gymnasium environment, and a session to watch and play."""
