"""What setup.cfg cannot say: in an installation, agents/ and configs/ lie inside the package rssm.

At the top of an installation ``agents`` would overwrite the package of that name that others install, and the other way
round. :mod:`rssm.places` finds both folders, here as there.
"""

from setuptools import find_packages, setup

INSIDE = "rssm.project"

setup(
    packages=[
        *find_packages(include=["rssm", "rssm.*"]),
        *(f"{INSIDE}.{package}" for package in find_packages(include=["agents", "agents.*"])),
        f"{INSIDE}.configs",
    ],
    package_dir={f"{INSIDE}.agents": "agents", f"{INSIDE}.configs": "configs"},
    package_data={
        "rssm": ["py.typed"],
        "rssm.games.pong": ["*.js"],
        "rssm.games.pong.export": ["*.html", "*.css", "*.js"],
        "rssm.report": ["*.css", "*.js"],
        "rssm.weights": ["*/*"],
        f"{INSIDE}.configs": ["*/*.yaml"],
    },
)
