"""Agents in real games: filtering, planning, scores."""
