"""The loop with a real detector, against a training loop of a few lines, step by step."""

import pytest
import torch
from mmengine.dataset import pseudo_collate

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.bench.training.schedule import learning_rate_factor
from noisyseg.bench.training.streams import stream_seed
from noisyseg.bench.training.training import Training

SEED = 4


@pytest.fixture
def images(shapes):
    """Eight training images of 64 × 64 pixels."""
    return train_dataset(
        shapes / "annotations" / "instances_train.json",
        shapes / "train",
        classes=CLASSES,
        image=load_protocol("smoke", where="")["image"],
        train_seed=SEED,
    )


@pytest.fixture
def trained(tmp_path, images, tiny):
    """Trains a tiny Mask R-CNN by the loop; returns it."""

    def make(protocol):
        detector = tiny(seed=8)
        training = Training(
            key="0123456789abcdef",
            detector=detector,
            class_losses=[],
            dataset=images,
            protocol=protocol,
            train_seed=SEED,
            device=torch.device("cpu"),
            checkpoint=tmp_path / "last.pth",
        )
        train(training, on_start=int, on_epoch=dict, on_iteration=lambda *_: None)
        return detector

    return make


def batches(images, epoch, size):
    """An epoch's batches without a data loader."""
    images.epoch = epoch
    order = torch.Generator().manual_seed(stream_seed(SEED, "shuffle", epoch))
    for chosen in torch.randperm(len(images), generator=order).split(size):
        yield pseudo_collate([images[index] for index in chosen.tolist()])


def loss_of(detector, batch, iteration, number=0):
    torch.manual_seed(stream_seed(SEED, "pass", iteration, number))
    data = detector.train().data_preprocessor(batch, training=True)
    return detector.parse_losses(detector(**data, mode="loss"))[0]


def test_a_batch_in_one_pass_is_trained_bit_for_bit_as_without_passes(images, trained, tiny):
    """What existing protocols do, the schedule's steps and clipped gradients included."""
    protocol = {**load_protocol("smoke", where=""), "batch_size": 3, "micro_batch": 3}
    detector, settings = tiny(seed=8), {**protocol["optimizer"]}
    assert settings.pop("type") == "SGD"
    optimizer = torch.optim.SGD(
        [p for p in detector.parameters() if p.requires_grad], fused=True, **settings
    )
    iteration = 0
    for epoch in range(protocol["epochs"]):
        for batch in batches(images, epoch, 3):
            factor = learning_rate_factor(
                iteration, iterations_per_epoch=3, schedule=protocol["schedule"]
            )
            optimizer.param_groups[0]["lr"] = settings["lr"] * factor
            loss = loss_of(detector, batch, iteration)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(detector.parameters(), protocol["gradient_clip"])
            optimizer.step()
            iteration += 1
    assert iteration == 6
    found = trained(protocol).state_dict()
    torch.testing.assert_close(found, detector.state_dict(), rtol=0, atol=0)


def test_a_step_in_two_passes_is_by_the_mean_of_their_own_gradients(images, trained, tiny):
    """Each backward pass by itself, as on a GPU of its own, and their mean by hand."""
    base = load_protocol("smoke", where="")
    rate = 0.01
    protocol = {
        **base,
        "epochs": 1,
        "batch_size": 8,
        "micro_batch": 4,
        "gradient_clip": None,
        "optimizer": {"type": "SGD", "lr": rate, "momentum": 0.0, "weight_decay": 0.0},
        "schedule": {**base["schedule"], "warmup_iterations": 0, "milestones": []},
    }
    detector, gradients = tiny(seed=8), []
    for number, batch in enumerate(batches(images, 0, 4)):
        detector.zero_grad()
        loss_of(detector, batch, 0, number).backward()
        gradients.append({name: p.grad.clone() for name, p in detector.named_parameters()})
    assert len(gradients) == 2
    found, moved = dict(trained(protocol).named_parameters()), 0
    for name, start in tiny(seed=8).named_parameters():
        mean = (gradients[0][name] + gradients[1][name]) / 2
        moved += bool(mean.any())  # not a block whose last normalisation starts at zero
        torch.testing.assert_close(found[name], start - rate * mean, rtol=1e-5, atol=1e-7)
    assert moved > len(found) / 2
