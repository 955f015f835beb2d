"""Look inside a video prediction network: the Location-dependent Video Ladder Network."""

from .lazily import imported_lazily

__version__ = "0.1.0"


_MODULES = {
    "inspection": (),
    "action_classifier": ("ActionClassifier", "load_classifier"),
    "predictor": ("Predictor", "load_predictor"),
    "rollout": ("Rollout",),
}
__getattr__ = imported_lazily(__name__, _MODULES)
__all__ = [name for names in _MODULES.values() for name in names]
