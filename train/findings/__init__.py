"""Figures about what the networks learn, after those of the paper. One module a figure; each is run by itself:

    python -m train.findings.NAME --help

Pictures are of the bundled clips, whatever the networks were trained on.
"""
