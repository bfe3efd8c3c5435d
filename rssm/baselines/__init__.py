"""Predictors to compare a world model with: two that learn nothing, and the family of networks built from parts."""

from rssm.evaluation.persistence import Persistence
from rssm.games.pong.constant_velocity import ConstantVelocity

__all__ = ["ConstantVelocity", "Persistence"]
