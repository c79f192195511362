import hashlib
import json

import numpy as np
import pytest

from tasks.stored import files as store


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    store.read_reference.cache_clear()
    yield tmp_path
    store.read_reference.cache_clear()


def arrays(value=1.0):
    return {
        "draws": np.full((2, 5, 3), value),
        "true_theta": np.zeros((2, 3)),
        "observation": np.zeros((2, 4)),
    }


def test_what_is_written_is_read_again(folder):
    store.write_reference("toy", arrays(), {"sampler": "by hand"})
    read = store.read_reference("toy")
    assert {key: value.dtype for key, value in read.items()} == dict.fromkeys(arrays(), np.float32)
    assert read["draws"].shape == (2, 5, 3)
    digest = hashlib.sha256((folder / "toy.npz").read_bytes()).hexdigest()
    assert store.read_certificate("toy") == {"sampler": "by hand", "sha256": digest}
    assert store.fingerprint("toy") == digest
    assert sorted(path.name for path in folder.iterdir()) == ["toy.json", "toy.npz"]


def test_a_second_writing_replaces_the_first_one(folder):
    store.write_reference("toy", arrays(1.0), {})
    assert store.read_reference("toy")["draws"].max() == 1.0
    store.write_reference("toy", arrays(2.0), {})
    assert store.read_reference("toy")["draws"].max() == 2.0


def test_a_failed_writing_leaves_the_old_files(folder):
    store.write_reference("toy", arrays(1.0), {"sampler": "old"})
    with pytest.raises(TypeError):
        store.write_reference("toy", arrays(2.0), {"sampler": object()})
    assert json.loads((folder / "toy.json").read_text())["sampler"] == "old"
    assert store.fingerprint("toy") == store.read_certificate("toy")["sha256"]


@pytest.mark.usefixtures("folder")
def test_what_is_missing_is_named():
    with pytest.raises(FileNotFoundError, match="scorebench reference toy makes it"):
        store.read_reference("toy")
    assert store.read_certificate("toy") is None
    assert store.summary(None, "verdict") == "none"
    assert store.summary({"verdict": "good"}, "verdict") == "good"
