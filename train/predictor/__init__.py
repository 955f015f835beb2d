"""How a predictor is trained: recipe, initial weights, objective and losses, optimisers, the state of a run.

`recipes/` holds those of the bundled networks and `smoke`; recipes of an experiment lie with `train.findings`. What
scores a trained network belongs in `train.evaluation`.
"""
