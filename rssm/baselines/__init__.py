"""Predictors to compare a world model with."""

from rssm.baselines.constant_velocity import ConstantVelocity
from rssm.baselines.persistence import Persistence

__all__ = ["ConstantVelocity", "Persistence"]
