"""The open-loop error of anything that predicts stacks (see :class:`rssm.evaluation.predictor.Predictor`)."""
