"""The networks: pure `torch.nn` modules. No files, no network, no page."""

from ..lazily import imported_lazily

_NETWORKS = ("ALL_NAMES", "DEFAULT", "NAMES", "NETWORKS", "PAPER", "TITLES", "preset")
_MODULES = {
    "classifier": ("StateClassifier",),
    "classifier_inputs": ("clip_features", "feature_count", "paper_features", "read_steps"),
    "config": (*_NETWORKS, "BLOCKS", "KERNELS", "ClassifierConfig", "ConfigError", "LadderConfig"),
    "convgru": ("ConvGRU", "Gates"),
    "designs": ("build", "untrained"),
    "ladder": ("Ladder", "LadderOutput", "Memories", "Observation", "State", "trained_parameters"),
}
__getattr__ = imported_lazily(__name__, _MODULES)
__all__ = [name for names in _MODULES.values() for name in names]
