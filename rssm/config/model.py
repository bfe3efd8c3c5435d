"""Settings of the world model itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rssm.config.settings import WIDTHS, Settings, check, setting


@dataclass(frozen=True)
class ModelConfig(Settings):
    """Sizes and variants of the world model."""

    posterior: Literal["decoupled", "coupled"] = setting(
        "decoupled", "decoupled q(z|x), whose recurrence runs fused, or coupled q(z|h,x)"
    )
    decoder: Literal["residual", "direct"] = setting(
        "residual", "residual: newest frame = previous frame + change, older frames shifted; direct: all 56 values"
    )
    likelihood: Literal["discrete", "huber", "mse"] = setting(
        "discrete", "of the reconstruction; discrete needs the residual decoder"
    )
    deter: int = setting(128, "width of the GRU's deterministic state", low=1, high=WIDTHS)
    stoch: int = setting(8, "number of categorical latents", low=1, high=1_024)
    classes: int = setting(8, "classes of each latent", low=2, high=1_024)
    hidden: int = setting(192, "width of the hidden layers of the encoder and the decoder", low=1, high=WIDTHS)
    head_hidden: int = setting(
        96, "width of the one hidden layer of prior, posterior, reward and continue heads", low=1, high=WIDTHS
    )
    layers: int = setting(2, "hidden layers of the encoder and the decoder", low=1, high=64)
    fourier: int = setting(
        8,
        "coordinates are also seen as waves of up to 2 to the power of this many pixels (in other games, of what a "
        "feature usually changes by in a step); 0 turns them off",
        low=0,
        high=32,
    )
    unimix: float = setting(0.01, "share of the uniform distribution mixed into every latent", low=0, below=1)
    min_p: float = setting(
        0.05,
        "imagined frames are sampled among the outcomes that are at least this share as likely as the likeliest "
        "(discrete likelihood); 0 samples all",
        low=0,
        high=1,
        before=0.0,
    )
    bins: int = setting(41, "bins of the two-hot reward head, an odd number", low=3, high=1_001)
    reward_limit: float = setting(
        2.0,
        "they span plus and minus this on the symlog scale, 2 is a reward of 6.4",
        low=0.01,
        high=20,
        before=2.0,
    )

    def check_together(self) -> None:
        check(self.bins % 2 == 1, f"bins: expected an odd number, got {self.bins}")
        check(
            self.likelihood != "discrete" or self.decoder == "residual",
            "likelihood: discrete needs decoder: residual; take huber or mse with decoder: direct",
        )

    def idle(self) -> Mapping[str, str]:
        return {} if self.likelihood == "discrete" else {"min_p": f"with likelihood {self.likelihood}"}

    @property
    def feature_size(self) -> int:
        """Width of what the heads and an agent read: deter, stoch and the encoded frame."""
        return self.deter + self.stoch * self.classes + self.hidden


def huber_only(model: ModelConfig) -> dict[str, str]:
    """The setting among the losses that is read for one likelihood alone."""
    if model.likelihood == "huber":
        return {}
    return {"loss.huber_beta": f"with model.likelihood {model.likelihood}"}
