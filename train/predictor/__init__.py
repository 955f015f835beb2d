"""What training a predictor is made of: recipe, objective, optimiser and the state of a run. The loop itself is in
`train.fit_predictor`."""
