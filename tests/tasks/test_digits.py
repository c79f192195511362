"""Generators and classifier of the digits: their stored weights and their training."""

import hashlib
import io

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from tasks.digits import train, weights
from tasks.digits.classifier import classify
from tasks.digits.coupling_flow import flow_log_prob, new_flow, transport
from tasks.digits.generators import GENERATORS, generate, soft_clip
from tasks.digits.perceptron import new_layers, perceptron
from tasks.digits.train_classifier import train_classifier
from tasks.digits.train_flow import train_flow
from tasks.digits.train_vae import train_vae
from tasks.digits.weights import FOLDER, SHA256, read_weights, write_weights


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    read_weights.cache_clear()
    yield tmp_path
    read_weights.cache_clear()


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_images_are_repeatable_and_bounded(name):
    torch.manual_seed(0)
    z = 2.0 * torch.randn(500, int(name.rsplit("_", 1)[1]))
    images = generate(name, z)
    assert images.shape == (500, 64)
    assert images.dtype == torch.float64
    assert images.min() >= 0.0
    assert images.max() <= 1.0
    assert torch.equal(images, generate(name, z))
    # One row gives the same image as many rows, except for rounding.
    torch.testing.assert_close(generate(name, z[:1]), images[:1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_images_look_like_the_digits(name):
    """Means and standard deviations of pixels are similar, and every class occurs."""
    torch.manual_seed(0)
    images = generate(name, torch.randn(5000, int(name.rsplit("_", 1)[1])))
    real = train.digits()[0].double()
    assert (images.mean(0) - real.mean(0)).abs().max() < 0.1
    assert 0.6 < images.std(0).mean() / real.std(0).mean() < 1.1
    assert classify(images).mean(0).min() > 0.02


def test_the_classifier_knows_digits_that_it_was_not_trained_on():
    images, labels = train.digits()
    trained, tested = train.split()
    assert not set(trained.tolist()) & set(tested.tolist())
    probabilities = classify(images[tested])
    torch.testing.assert_close(probabilities.sum(1), torch.ones(len(tested), dtype=torch.float64))
    assert (probabilities.argmax(1) == labels[tested]).float().mean() >= 0.97


@pytest.mark.parametrize("name", sorted(SHA256))
def test_what_is_stored_is_what_the_code_says(name):
    assert hashlib.sha256((FOLDER / f"{name}.npz").read_bytes()).hexdigest() == SHA256[name]


def test_changed_weights_are_refused(folder):
    write_weights("vae_2", {key: value + 1e-3 for key, value in read_of("vae_2").items()})
    with pytest.raises(ValueError, match=f"SHA-256.*not {SHA256['vae_2']}"):
        read_weights("vae_2")


def read_of(name):
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def test_pickled_objects_are_refused(folder, monkeypatch):
    """Pickled objects are refused even if the hash is right, so nothing in the file is ever executed."""
    file = io.BytesIO()
    np.savez(file, weight_0=np.array([{"not": "numbers"}], dtype=object))
    (folder / "vae_2.npz").write_bytes(file.getvalue())
    monkeypatch.setitem(weights.SHA256, "vae_2", hashlib.sha256(file.getvalue()).hexdigest())
    with pytest.raises(ValueError, match=r"allow_pickle=False"):
        read_weights("vae_2")


def test_missing_weights_name_the_command(folder):
    with pytest.raises(FileNotFoundError, match=r"python -m tasks\.digits\.train vae_2"):
        read_weights("vae_2")


def test_weights_come_back_as_they_were_written(folder, monkeypatch):
    layers = new_layers([3, 5, 2], torch.Generator().manual_seed(0))
    monkeypatch.setitem(weights.SHA256, "vae_2", write_weights("vae_2", layers))
    back = read_weights("vae_2")
    inputs = torch.ones(1, 3)
    torch.testing.assert_close(perceptron(back, inputs.double()).float(), perceptron(layers, inputs))
    assert write_weights("vae_2", layers) == weights.SHA256["vae_2"]


def test_the_flow_has_the_density_of_what_it_makes():
    """The density is compared with a change of variables whose determinant autograd computes."""
    flow = {
        key: value.detach().double() for key, value in new_flow(4, torch.Generator().manual_seed(1)).items()
    }
    flow = {key: value + 0.1 for key, value in flow.items()}
    torch.manual_seed(2)
    for z in torch.randn(3, 4, dtype=torch.float64):
        jacobian = torch.autograd.functional.jacobian(lambda at: transport(flow, at[None])[0], z)
        expected = Normal(0.0, 1.0).log_prob(z).sum() - jacobian.slogdet()[1]
        torch.testing.assert_close(flow_log_prob(flow, transport(flow, z[None]))[0], expected)


def test_soft_clip_is_close_to_clipping():
    y = torch.linspace(-3.0, 4.0, 701, dtype=torch.float64)
    assert (soft_clip(y) - y.clamp(0.0, 1.0)).abs().max() < 0.04
    assert (soft_clip(y).diff() >= 0.0).all()


def test_training_repeats_itself_and_learns():
    images, labels = train.digits()
    first, again = (train_vae(images, 2, seed=1, steps=5) for _ in range(2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    layers = train_classifier(images, labels, seed=1, steps=150)
    assert (perceptron(layers, images).argmax(1) == labels).float().mean() > 0.8
    flow = train_flow(images, 8, seed=1, steps=5)
    torch.testing.assert_close(flow["mean"], images.mean(0))


@pytest.mark.parametrize("names", [["vae_3"], ["vae_2", "gan"]])
def test_an_unknown_network_is_named(names, capsys):
    assert train.main(names) == 2
    assert names[-1] in capsys.readouterr().err
