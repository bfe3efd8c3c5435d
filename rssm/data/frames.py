"""Frames (..., F) and stacks (..., F, S) of the S newest, the oldest first.

An *observation* (..., F * S) is a stack as environments, recordings and the public interface show it: interleaved, its
index is ``feature * S + frame``, so that either is a view of the other. Everything inside works on stacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rssm.arrays import ErrorArray, FloatArray
from rssm.layout import STACK

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array", "FloatArray", "ErrorArray", "Tensor")


def to_stack(observation: Array, frames: int) -> Array:
    """The stack (..., F, S) of S ``frames`` that an observation (..., F * S) is."""
    return observation.reshape((*observation.shape[:-1], observation.shape[-1] // frames, frames))


def to_observation(stack: Array) -> Array:
    """The observation (..., F * S) that a stack (..., F, S) is."""
    return stack.reshape((*stack.shape[:-2], stack.shape[-2] * stack.shape[-1]))


def first_stack(frame: FloatArray, frames: int = STACK) -> FloatArray:
    """The stack at an episode's start: the first frame (F,), repeated, as (F, S)."""
    return np.repeat(frame[:, None], frames, axis=1)


def push_frame(stack: FloatArray, frame: FloatArray) -> FloatArray:
    """Shift a stack (..., F, S) by one and put frame (..., F) in as its newest."""
    return np.concatenate([stack[..., 1:], frame[..., None]], axis=-1)


def stack_episode(features: FloatArray, frames: int = STACK) -> FloatArray:
    """The stacks (L, F, S) that an agent sees over one episode of frames (L, F)."""
    steps = np.arange(len(features))
    past = np.maximum(steps[:, None] + np.arange(1 - frames, 1), 0)  # (L, S), clamped at the start
    return np.ascontiguousarray(features[past].transpose(0, 2, 1))
