"""Frames (..., F) and the stacks (..., F * 4) of the four newest: interleaved, oldest first."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from rssm.arrays import ErrorArray, FloatArray
from rssm.game import STACK

Stacks = TypeVar("Stacks", FloatArray, ErrorArray)


def first_stack(frame: FloatArray) -> FloatArray:
    """The stack at an episode's start: the first frame (F,), repeated, as (F * 4,)."""
    return np.repeat(frame, STACK)


def push_frame(stack: FloatArray, frame: FloatArray) -> FloatArray:
    """Shift a stack (..., F * 4) by one and put frame (..., F) in as its newest."""
    grid = stack.reshape(*stack.shape[:-1], -1, STACK)
    return np.concatenate([grid[..., 1:], frame[..., None]], axis=-1).reshape(stack.shape)


def newest_frame(stack: Stacks) -> Stacks:
    """The newest frame (..., F) of a stack (..., F * 4)."""
    return stack[..., STACK - 1 :: STACK]


def previous_frame(stack: FloatArray) -> FloatArray:
    """The frame (..., F) before the newest one of a stack (..., F * 4)."""
    return stack[..., STACK - 2 :: STACK]


def stack_episode(frames: FloatArray) -> FloatArray:
    """The stacks (L, F * 4) that an agent sees over one episode of frames (L, F)."""
    steps = np.arange(len(frames))
    past = np.maximum(steps[:, None] + np.arange(1 - STACK, 1), 0)  # (L, 4), clamped at the start
    return frames[past].transpose(0, 2, 1).reshape(len(frames), -1)
