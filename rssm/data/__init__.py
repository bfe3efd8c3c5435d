"""Recorded games: data sets, episodes, chunks to train on."""
