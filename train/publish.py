"""Upload what the app loads to the Hugging Face Hub.

    python -m train.publish --from assets/checkpoints --to hf://owner/name

Every predictor is loaded strictly before anything is sent, and opened again from the Hub afterwards. HF_TOKEN, or
`hf auth login`, says who you are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from vp.checkpoints import open_checkpoints
from vp.checkpoints.layout import CLASSIFIER, CONFIG, ENCODER, WEIGHTS
from vp.checkpoints.source import CARD, CheckpointSource
from vp.errors import CheckpointError
from vp.models import PAPER

from .arguments import errors_in_one_line


def load_all(source: CheckpointSource) -> list[str]:
    """Load every network of a source; returns their names. Raises CheckpointError."""
    names = source.names()
    if source.has_paper:
        names.append(PAPER)
    for name in names:
        source.load(name)
    if source.has_classifier:
        source.load_classifier()
        names.append(CLASSIFIER)
    return names


def publish(folder: Path, to: str, *, private: bool = False) -> str:
    """Upload what belongs to a folder of checkpoints, and nothing else that lies there, once every network loads.

    to: `hf://owner/name`; the repository is made if it does not exist. Returns the address of the new commit,
    `hf://owner/name@commit`. Raises CheckpointError if a network cannot be loaded, there is no predictor or model card,
    or the Hub refuses.
    """
    repo = to.removeprefix("hf://")
    if repo == to or "@" in repo or repo.count("/") != 1:
        raise CheckpointError(f"Publish to hf://owner/name, without a revision, not to {to!r}.")
    source = open_checkpoints(str(folder))
    if not source.names():
        raise CheckpointError(f"{folder} holds no predictor to publish.")
    if source.card() is None:
        raise CheckpointError(
            f"{folder} has no {CARD}: write the model card (scores, data, time spent, licence, provenance) before "
            "publishing."
        )
    files = [CARD, *(f"{part}/{file}" for part in (ENCODER, *load_all(source)) for file in (CONFIG, WEIGHTS))]
    api = HfApi()
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        commit = api.upload_folder(repo_id=repo, folder_path=folder, allow_patterns=files, commit_message="Checkpoints")
    except HFValidationError:
        raise CheckpointError(f"{to!r} is not a name that a repository can have.") from None
    except HfHubHTTPError as error:
        # Without the client's own text, which may quote the request and the token in it.
        status = error.response.status_code
        hint = "set HF_TOKEN to a token that may write there" if status in (401, 403, 404) else "try again later"
        raise CheckpointError(f"The Hub refuses the upload to {to} (HTTP {status}): {hint}.") from None
    except Exception as error:  # the client's other errors have no common base
        raise CheckpointError(f"The upload to {to} failed ({type(error).__name__}): check the network.") from None
    pinned = f"{to}@{commit.oid}"
    load_all(open_checkpoints(pinned))
    return pinned


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path, default=Path("assets/checkpoints"), help="folder to upload")
    parser.add_argument("--to", required=True, help="hf://owner/name")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    args = parser.parse_args()
    pinned = publish(args.folder, args.to, private=args.private)
    print(f"published: python app.py --checkpoints {pinned}")


if __name__ == "__main__":
    main()
