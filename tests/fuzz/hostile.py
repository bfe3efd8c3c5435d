"""Values that nobody should have written."""

import json
import os

from hypothesis import settings
from hypothesis import strategies as st

NASTY = [
    "",
    " ",
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "1.5",
    "010",
    "0x10",
    "0b1",
    "1_000",
    "1__0",
    "1:30",
    "12:30:45",
    "2026-01-01",
    "1e400",
    "-1e400",
    "1e-400",
    "1e38",
    ".5",
    "5.",
    ".",
    "inf",
    "-inf",
    ".inf",
    "nan",
    ".nan",
    "NaN",
    "Infinity",
    str(2**63),
    str(2**64 + 1),
    "9" * 300,
    "9" * 5_000,
    "1e" + "9" * 100,
    "yes",
    "no",
    "on",
    "off",
    "True",
    "false",
    "~",
    "null",
    "None",
    "'",
    '"',
    "[]",
    "{}",
    "[1, 2]",
    "{a: 1}",
    "&a [*a]",
    "*a",
    "!!python/object/apply:os.system [id]",
    "!!int 3",
    "!!binary aGk=",
    "? x",
    "- x",
    "|",
    "# x",
    "%TAG",
    "--- x",
    "a: b: c",
    "../../x",
    "/",
    "/dev/null",
    "/proc/self/mem",
    "..",
    ".",
    "~/x",
    "a/b",
    "a\\b",
    "\n",
    "a\nb",
    "\t",
    "\r",
    "\x00",
    "\x1b[31mred",
    "\u202ereversed",
    "\u2028",
    "\ud800",
    "\udcff",
    "１２",
    "١٢",
    "ﬁ",
    "💥",
    "é" * 300,
    "x" * 5_000,
    "[" * 1_500,
    "{a: " * 1_500,
    "--seed",
    "-h",
    "=",
    "a=b",
    "%",
    "%s%n",
    "{0}",
    "$HOME",
    "<script>alert(1)</script>",
    "os:system",
    "random",
    "tracking epsilon=nan",
    "tracking epsilon=1e400",
    "50% tracking, 60% random",
    "-5% tracking, 105% random",
    "tracking lag=99999999999999999999",
    "cpu",
    "cuda:99",
    "CartPole-v1",
    "ALE/Pong-v5",
]

#: what may stand where one value of a setting is expected
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=30),
    st.integers().map(str),
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(repr),
    st.from_regex(r"[-+]?[0-9_]{0,5}\.?[0-9]{0,5}([eE][-+]?[0-9]{0,4})?", fullmatch=True),
)

#: what may stand in JSON where another value was
json_values = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 1, 2**63, 2**70, -1.5, 1e99, 1e308, 5e-324, "", "x", "a\nb", [], {}]),
    st.sampled_from([[1] * 6, [None] * 6, [[0, 1]] * 6, ["x"] * 6, {"skipped": "no"}, {"skipped": 1}, {"": {}}]),
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda one: st.lists(one, max_size=3), max_leaves=4),
)


def sample(examples):
    """Settings of a test: so many fixed inputs, unless fresh ones were asked for."""
    if "FUZZ_EXAMPLES" in os.environ:
        return settings(settings.get_profile("fresh"))
    return settings(settings.get_profile("sample"), max_examples=examples)


def places(value, path=()):
    """The path of every value in nested containers."""
    found = [path] if path else []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(inner, (*path, key))
    return found


def replaced(value, path, new):
    """A copy of nested containers with another value in one place; ``...`` takes it out."""
    whole = json.loads(json.dumps(value))
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    if new is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return whole


@st.composite
def damaged(draw, content, least=0):
    """A file's bytes with one to three things done to them."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        what = draw(st.sampled_from(["flip", "set", "cut", "insert", "remove", "double"]))
        if what == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif what == "set" and data:
            data[place] = draw(st.integers(0, 255))
        elif what == "cut":
            del data[place:]
        elif what == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif what == "remove":
            del data[place : place + draw(st.integers(1, 16))]
        else:
            data[place:place] = data[place : place + draw(st.integers(1, 64))]
    return bytes(data)


def check_line(error, *names):
    """A refusal is one line that a terminal shows as it is, no page, and says one of the names."""
    line = str(error)
    assert line
    assert not any(ord(one) < 32 or 0xD800 <= ord(one) < 0xE000 for one in line), repr(line)
    assert len(line) < 4_000, len(line)
    assert any(name in line for name in names), line
