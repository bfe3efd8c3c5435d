"""Networks to compare a world model with, built from parts."""
