"""How good a trained network is: scores, the fit of tuned flow, what each part is for, the classifier and its rivals;
and their reports as tables and figures. Metrics and baselines themselves are in `vp`, which shows them too."""
