"""Who plays: a name and what is changed about it, as text that a setting, ``meta.json`` and a table can hold.

``tracking`` follows the ball, ``random`` takes uniformly random actions, ``sweeping`` goes up and down whatever the
ball does. What is changed follows the name: ``tracking epsilon=0.1 rest lag=3``. Each may begin its games at other
moments than the others: ``random noops=120``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

#: what may be changed about each player
_CHANGES = {
    "tracking": ("epsilon", "dead_zone", "aim", "rest", "lag", "hold", "noops"),
    "random": ("rest", "hold", "noops"),
    "sweeping": ("epsilon", "rest", "noops"),
}
#: the chance of a random action where none is given
_EPSILON = {"tracking": 0.5, "random": 0.0, "sweeping": 0.0}
_LARGEST_LAG, _LONGEST_HOLD, _WIDEST, _MOST_NOOPS = 60, 200, 200.0, 10_000
#: changes that are whole numbers
_WHOLE = ("lag", "hold", "noops")


@dataclass(frozen=True)
class Player:
    """A player of Pong; everything random about it comes from the generator that it is given.

    Args:
        name: ``tracking``, ``random`` or ``sweeping``.
        epsilon: chance of a uniformly random action in each step; None takes the player's own (tracking 0.5, else 0).
        dead_zone: no move while the ball is within this many pixels of where it is to be met.
        aim: the ball is met up to this many pixels off the paddle's centre, anew for each approach.
        rest: does nothing (NOOP) while no ball is in play.
        lag: acts on the frame of this many steps ago.
        hold: an action is kept for a random stretch of this many steps on average.
        noops: its games start after 0 to this many NOOP console frames; None: as the environment's settings say.

    Raises:
        ValueError: a value out of range, or one that this player does not know; the line names it.
    """

    name: str
    epsilon: float | None = None
    dead_zone: float = 4.0
    aim: float = 0.0
    rest: bool = False
    lag: int = 0
    hold: int = 1
    noops: int | None = None

    def __post_init__(self) -> None:
        if self.name not in _CHANGES:
            raise ValueError(f"expected a player ({', '.join(_CHANGES)}), got {self.name or 'nothing'}")
        if self.epsilon is None:
            object.__setattr__(self, "epsilon", _EPSILON[self.name])
        for key in self._changed():
            if key not in _CHANGES[self.name]:
                raise ValueError(f"{self.name} has no {key}; expected one of {', '.join(_CHANGES[self.name])}")
        for key, least, most in (
            ("epsilon", 0, 1),
            ("dead_zone", 0, _WIDEST),
            ("aim", 0, _WIDEST),
            ("lag", 0, _LARGEST_LAG),
            ("hold", 1, _LONGEST_HOLD),
            ("noops", 0, _MOST_NOOPS),
        ):
            value = getattr(self, key)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{key}: expected {least:g} to {most:g}, got {value:g}")

    def __str__(self) -> str:
        """The text that :func:`parse_player` reads back; a tracking player's ``epsilon`` is always named."""
        words = [self.name]
        for key, value in self.meta().items():
            if key != "name":
                words.append(key if value is True else f"{key}={value:g}")
        return " ".join(words)

    def meta(self) -> dict[str, Any]:
        """For ``meta.json``: the name, a tracking player's ``epsilon``, and what differs from the default."""
        always = ("epsilon",) if self.name == "tracking" else ()
        keys = [field.name for field in fields(self) if field.name in {*always, *self._changed()}]
        return {"name": self.name, **{key: getattr(self, key) for key in keys}}

    def _changed(self) -> list[str]:
        defaults = {field.name: field.default for field in fields(self)} | {"epsilon": _EPSILON[self.name]}
        return [key for key, default in defaults.items() if key != "name" and getattr(self, key) != default]


def parse_player(text: str) -> Player:
    """Read ``NAME``, ``NAME KEY=VALUE``, ``NAME rest`` and so on.

    Raises:
        ValueError: the words do not make a player; the line says which.
    """
    name, *words = text.split() or [""]
    if name not in _CHANGES:
        raise ValueError(f"expected a player ({', '.join(_CHANGES)}), got {name or 'nothing'}")
    values: dict[str, Any] = {}
    for word in words:
        key, equals, number = word.partition("=")
        if key not in _CHANGES[name]:
            raise ValueError(f"{name} has no {key}; expected one of {', '.join(_CHANGES[name])}")
        if key in values:
            raise ValueError(f"{key} is given twice in '{text.strip()}'")
        if bool(equals) == (key == "rest"):
            raise ValueError(f"expected {'rest' if key == 'rest' else f'{key}=NUMBER'}, got {word}")
        try:
            values[key] = True if key == "rest" else int(number) if key in _WHOLE else float(number)
        except ValueError:
            raise ValueError(f"{key}: expected a number, got {number or 'nothing'}") from None
    return Player(name, **values)
