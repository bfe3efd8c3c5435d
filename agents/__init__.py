"""Agents that learn inside the world model."""
