"""Atari Pong in object space."""
