"""Where weights come from: `bundled`, a folder, or `hf://owner/name@revision`. safetensors only, strict.

A checkpoint repository is a folder, or a model repository on the Hugging Face Hub, that holds

    README.md                                      the model card
    encoder/config.json  encoder/model.safetensors     one encoder shared by all predictors
    lvln/config.json     lvln/model.safetensors        a predictor without its encoder's tensors
    one_frame/...        full_res/...
    paper_one_frame/...                                `one_frame` by the paper's design, for comparison
    classifier/config.json  classifier/model.safetensors   the action classifier on the states of one of them

Any of the predictors may be absent. `open_checkpoints` reads such a repository, `save_encoder`, `save_predictor` and
`save_classifier` write one; everything that goes wrong is a `CheckpointError`.
"""

from ..lazily import imported_lazily

_MODULES = {
    "save": ("save_classifier", "save_encoder", "save_predictor"),
    "source": ("BUNDLED", "CheckpointSource", "open_checkpoints"),
}
__getattr__ = imported_lazily(__name__, _MODULES)
__all__ = [name for names in _MODULES.values() for name in names]
