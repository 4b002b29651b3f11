"""Settings searched for goals, with Optuna: what is varied, what counts, how it is searched and told."""
