"""Experiments of the paper and of ours, one module each, with their recipes. The product needs none of it.

    python -m train.findings.NAME --help

`recipes/` holds the paper's recipes and those of the experiments; `train.fit_predictor` and `train.fit_classifier` find
them by name. Pictures are of the bundled clips, whatever the networks were trained on. What every network is scored by
belongs in `train.evaluation`.
"""
