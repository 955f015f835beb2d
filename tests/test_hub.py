"""vp.hub: addresses. The rest is tested against a server in tests/hub."""

import pytest

from vp.hub import Address, is_address, parse_address

COMMIT = "b6cdcff7436de912f7fb8d8d21105ba4167b71a3"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf://datasets/me/clips", Address("dataset", "me/clips")),
        ("HF://Datasets/me/clips/", Address("dataset", "me/clips")),
        ("hf://datasets/me/clips@v1/", Address("dataset", "me/clips", "v1")),
        ("hf://datasets/me/clips@refs/pr/3", Address("dataset", "me/clips", "refs/pr/3")),
        ("hf:/datasets/me/clips", Address("dataset", "me/clips")),  # what a path makes of it
        ("  hf://me/ladder@main ", Address("model", "me/ladder")),
        ("https://huggingface.co/datasets/me/clips", Address("dataset", "me/clips")),
        ("https://huggingface.co/datasets/me/clips/", Address("dataset", "me/clips")),
        ("HTTPS://HuggingFace.co/datasets/me/clips?row=3#top", Address("dataset", "me/clips")),
        (f"https://huggingface.co/datasets/me/clips/tree/{COMMIT}", Address("dataset", "me/clips", COMMIT)),
        ("https://hf.co/me/ladder/tree/refs%2Fpr%2F1/", Address("model", "me/ladder", "refs/pr/1")),
        ("https://huggingface.co/me/ladder/commit/v2", Address("model", "me/ladder", "v2")),
        ("http://hub.example:8080/datasets/me/clips", Address("dataset", "me/clips")),
    ],
)
def test_addresses(monkeypatch, text, address):
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example:8080/")
    assert is_address(text.strip())
    assert parse_address(text, address.kind) == address
    assert parse_address(str(address), address.kind) == address


@pytest.mark.parametrize(
    "text",
    [
        "hf://",
        "hf://datasets/clips",
        "hf://datasets/a/b/c",
        "hf://datasets/me/clips@",
        "hf://datasets/me/clips@../up",
        "hf://datasets/me/cl--ips",
        "hf://datasets/me/..",
        "hf:datasets/me/clips",
        "https://huggingface.co/datasets",
        "https://huggingface.co/datasets/me/clips/blob/main/a.avi",
        "https://huggingface.co/datasets/me/clips/tree/main/train",
        "hf://me/ladder",
        "hf://spaces/me/clips",
    ],
)
def test_what_is_no_address_of_a_dataset(text):
    assert is_address(text)
    with pytest.raises(ValueError, match="does not name|not a dataset|no branch"):
        parse_address(text, "dataset")


def test_folders_are_no_addresses():
    assert not any(map(is_address, ("bundled", "/data/UCF-101", "hf", "datasets/me/clips", "https://example.org/a/b")))


def test_messages_call_a_commit_by_its_first_digits():
    assert Address("dataset", "me/clips", COMMIT).brief == "hf://datasets/me/clips@b6cdcff"
