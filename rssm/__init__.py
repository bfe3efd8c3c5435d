"""A recurrent state-space world model of Atari Pong in object space.

Importing the package registers the gymnasium environment :data:`ENV_ID` and nothing else: neither torch nor the
emulator is loaded.
"""

import gymnasium

ENV_ID = "rssm/PongFeatures-v0"

gymnasium.register(id=ENV_ID, entry_point="rssm.games.pong.env:PongFeatures", max_episode_steps=27_000)
gymnasium.register(id="rssm/PongDream-v0", entry_point="rssm.dream.env:PongDream", max_episode_steps=27_000)
