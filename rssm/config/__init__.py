"""Every setting of every job, as frozen dataclasses that check their own values.

A job is one dataclass; presets in ``configs/`` change some of its defaults. Nothing here imports torch, so that
``--help`` answers at once.
"""

from rssm.config.data import MIXTURE, DataConfig, OthersConfig, SealedConfig
from rssm.config.game import EnvConfig, check_game
from rssm.config.jobs import (
    AblationConfig,
    BenchmarkConfig,
    CollectConfig,
    DashboardConfig,
    EvalOverrides,
    EvaluateConfig,
    ImportConfig,
    InspectConfig,
    ResultsConfig,
)
from rssm.config.model import ModelConfig
from rssm.config.settings import Settings, check, group, required, setting
from rssm.config.training import HORIZON, LossConfig, Precision, TrainConfig, check_open_loop
from rssm.config.world_model import EvalConfig, LogConfig, Workers, WorldModelConfig

__all__ = [
    "HORIZON",
    "MIXTURE",
    "AblationConfig",
    "BenchmarkConfig",
    "CollectConfig",
    "DashboardConfig",
    "DataConfig",
    "EnvConfig",
    "EvalConfig",
    "EvalOverrides",
    "EvaluateConfig",
    "ImportConfig",
    "InspectConfig",
    "LogConfig",
    "LossConfig",
    "ModelConfig",
    "OthersConfig",
    "Precision",
    "ResultsConfig",
    "SealedConfig",
    "Settings",
    "TrainConfig",
    "Workers",
    "WorldModelConfig",
    "check",
    "check_game",
    "check_open_loop",
    "group",
    "required",
    "setting",
]
