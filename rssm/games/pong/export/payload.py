"""What a page needs to imagine: the weights in one block, and where each tensor lies in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from rssm.data.frames import to_observation
from rssm.games.pong.decoder import BALL, FIRST
from rssm.games.pong.dream.starts import Start
from rssm.games.pong.statistics import FeatureStatistics
from rssm.model.state import State
from rssm.model.world_model import WorldModel

#: parts of a world model that a dream does without: it sees no real frames and is not paid
_UNUSED = ("rssm.start", "rssm.posterior_network.", "reward_head.", "encoder.normalizer.")


@dataclass(frozen=True)
class ExportedPolicy:
    """An agent's policy: an MLP over the model's sight.

    Attributes:
        network: the MLP, named ``layers.N`` as :class:`rssm.model.networks.MLP` names its layers.
        allowed: the actions that its outputs stand for.
        unimix: share of the uniform policy that is mixed in.
    """

    network: torch.nn.Module
    allowed: list[int]
    unimix: float


def make_payload(
    model: WorldModel, starts: list[Start], policy: ExportedPolicy | None = None
) -> tuple[dict[str, Any], bytes]:
    """The description for :file:`model.js`, ready for JSON, and the weights as little-endian float32.

    Args:
        model: the world model.
        starts: moments that dreams can begin in.
        policy: the agent's; None leaves it out.
    """
    named = {k: v for k, v in model.state_dict().items() if not k.startswith(_UNUSED)}
    if policy is not None:
        named |= {f"agent.{k}": v for k, v in policy.network.state_dict().items()}
    tensors: dict[str, dict[str, Any]] = {}
    offset = 0
    for name, tensor in named.items():
        tensors[name] = {"offset": offset, "shape": list(tensor.shape)}
        offset += tensor.numel()
    weights = np.concatenate([tensor.detach().cpu().numpy().astype("<f4").ravel() for tensor in named.values()])
    fitted = model.statistics
    assert isinstance(fitted, FeatureStatistics)
    statistics = fitted.to_dict()
    description = {
        "model": asdict(model.config),
        "statistics": {key: statistics[key] for key in ("mean", "std", "low", "high", "paddle")},
        "outcomes": {name: _outcomes(fitted, part) for name, part in (("first", FIRST), ("ball", BALL))},
        "tensors": tensors,
        "starts": [_start(start.state) for start in starts],
        "agent": None if policy is None else {"allowed": policy.allowed, "unimix": policy.unimix},
    }
    return description, weights.tobytes()


def _outcomes(statistics: FeatureStatistics, features: tuple[int, ...]) -> dict[str, Any]:
    """What some features can do next, in the order of the network's outputs: moves, going on, landings of each."""
    values: list[float] = []
    staying: list[int] = []
    continuing: list[int] = []
    sizes = []
    for i in features:
        moves, landings = statistics.moves[i], statistics.landings[i]
        goes_on = len(moves) > 1
        values += [*moves, *[0.0] * goes_on, *landings]
        staying += [1] * (len(moves) + goes_on) + [0] * len(landings)
        continuing += [0] * len(moves) + [1] * goes_on + [0] * len(landings)
        sizes.append(len(moves) + goes_on + len(landings))
    tables = {"values": values, "staying": staying, "continuing": continuing}
    return tables | {"sizes": sizes, "features": list(features)}


def _start(state: State) -> dict[str, Any]:
    return {
        "deter": state.deter[0].tolist(),
        "stoch": state.stoch[0].argmax(-1).tolist(),
        "stack": to_observation(state.stack[0]).tolist(),
    }
