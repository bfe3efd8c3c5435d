"""The ladder: every network and idea of an earlier project's notes, a row each, trained and scored alike.

That project predicted the same six steps with an MLP; its notes tell what failed, what worked and what to try next.
"""
