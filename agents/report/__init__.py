"""Tables and pictures of agents' results."""
