"""What others made of Pong in 100,000 agent steps."""

from __future__ import annotations

from rssm.game import Published

_LAST = 100_000
_PIXELS = "pixels"

PUBLISHED = (
    Published(
        "OC-STORM",
        "Zhang et al. 2025, arXiv 2501.16443",
        0.0,
        ((_LAST, "+20.55 ± 0.22"),),
        "pixels and masks of objects",
    ),
    Published("DIAMOND", "Alonso et al. 2024, arXiv 2405.12399", 0.0, ((_LAST, "+20.36 ± 0.31"),), _PIXELS),
    Published("EADream", "Peng et al. 2026, arXiv 2601.19336", 0.0, ((_LAST, "+20.08 ± 0.22"),), _PIXELS),
    Published("HarmonyDream", "Ma et al. 2024, arXiv 2310.00344", 0.0, ((_LAST, "+19.97 ± 0.52"),), _PIXELS),
    Published("EASimulus", "Peng et al. 2026, arXiv 2601.19336", 0.0, ((_LAST, "+19.94 ± 0.23"),), _PIXELS),
    Published(
        "DreamerV3, run again in PyTorch",
        "agent: Hafner et al. 2023",
        0.0,
        ((_LAST, "+17.1 ± 2.9"),),
        "pixels; games of the training",
    ),
    Published(
        "BBF, replay ratio 2",
        "Schwarzer et al. 2023, arXiv 2305.19452",
        0.25,
        ((20_000, "-9.0"), (40_000, "+1.7"), (60_000, "+8.2"), (_LAST, "+10.7 ± 0.7")),
        "pixels, 17 seeds",
    ),
    Published(
        "BBF, replay ratio 8",
        "Schwarzer et al. 2023, arXiv 2305.19452",
        0.25,
        ((_LAST, "+12.8 ± 1.0"),),
        "pixels, 16 seeds",
    ),
)
