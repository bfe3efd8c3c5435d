from rssm.report.tables import markdown, text

HEAD = ("row", "k = 0", "note")
ROWS = [("one", 1234.5, "a|b"), ("the other", None, "")]


def test_a_page_and_a_terminal_show_the_same_cells():
    assert markdown(HEAD, ROWS) == [
        "| row | k = 0 | note |",
        "|---|---|---|",
        "| one | 1,234 | a\\|b |",
        "| the other | – |  |",
    ]
    assert text(HEAD, ROWS) == [
        "row        k = 0  note",
        "──────────────────────",
        "one        1,234   a|b",
        "the other      –      ",
    ]


def test_columns_of_a_given_width():
    assert text(("", "k = 0"), [("x", 0.5)], (3, 8)) == ["      k = 0", "─" * 11, "x      0.50"]
