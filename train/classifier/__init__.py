"""How the action classifier is fitted: its recipe, the features that it reads of a clip, the fit and its calibration.

What it is compared with belongs in `train.evaluation`, the paper's recipes in `train.findings`.
"""
