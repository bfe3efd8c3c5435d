"""How networks are trained: the optimiser's pieces, and processes that share the work."""
