"""A recurrent state-space world model of Atari Pong in object space.

Importing the package registers the gymnasium environments of :data:`ENVIRONMENTS` and nothing else: neither torch nor
the emulator is loaded before something needs them. What others may build on::

    load(run_or_name)           a trained world model (rssm.api.Model); the shipped one where none is named
        .predict(stack, actions)    six steps ahead (or more) of an observation
        .observe(stacks, actions)   the state after a piece of a real game
        .imagine(state, actions)    what follows from a state
    evaluate(model, data)       the open-loop error on a data set, as in openloop.json
    own_agents()                the package of the agents, wherever it is installed
    ENVIRONMENTS                ids for gymnasium.make: ENV_ID, the game, and DREAM_ID, the same game in a world model
    __version__
"""

from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from rssm.api import Model, evaluate, load
    from rssm.places import own_agents

    __version__: str

__all__ = ["DREAM_ID", "ENVIRONMENTS", "ENV_ID", "Model", "__version__", "evaluate", "load", "own_agents"]

ENV_ID = "rssm/PongFeatures-v0"
#: Pong inside a world model (rssm.games.pong.dream.env.PongDream)
DREAM_ID = "rssm/PongDream-v0"
ENVIRONMENTS = (ENV_ID, DREAM_ID)

gymnasium.register(id=ENV_ID, entry_point="rssm.games.pong.env:PongFeatures", max_episode_steps=27_000)
gymnasium.register(id=DREAM_ID, entry_point="rssm.games.pong.dream.env:PongDream", max_episode_steps=27_000)


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for."""
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("pong-rssm")
        except PackageNotFoundError:  # a checkout on the path that was never installed
            return "0+unknown"
    if name == "own_agents":
        from rssm.places import own_agents

        return own_agents
    if name in ("Model", "evaluate", "load"):
        from rssm import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
