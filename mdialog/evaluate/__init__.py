"""Evaluation of runs: grounding, relevance, talk beside people's, judges."""
