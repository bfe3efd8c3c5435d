"""The jobs behind the scripts."""
