"""Look inside a video prediction network: the Location-dependent Video Ladder Network."""

__version__ = "0.1.0"


def __getattr__(name: str):
    # Loaded when first used: `vp.errors` or `vp.video` alone should not have to import PyTorch.
    if name in ("Predictor", "load_predictor"):
        from . import predictor

        return getattr(predictor, name)
    if name in ("ActionClassifier", "load_classifier"):
        from . import action_classifier

        return getattr(action_classifier, name)
    if name == "Rollout":
        from .rollout import Rollout

        return Rollout
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["ActionClassifier", "Predictor", "Rollout", "load_classifier", "load_predictor"]
