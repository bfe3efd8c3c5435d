"""The world model: RSSM, likelihoods, losses."""
