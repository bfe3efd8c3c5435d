"""Predictors to compare a world model with: two that learn nothing, and the family of networks built from parts."""

from rssm.baselines.constant_velocity import ConstantVelocity
from rssm.baselines.persistence import Persistence

__all__ = ["ConstantVelocity", "Persistence"]
