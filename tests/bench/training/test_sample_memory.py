"""Samples kept in memory are the pipeline's; writing to one shows in no other."""

import pytest
import torch

from noisyseg.bench.config.protocol import load_protocol
from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.training import run_dataset
from noisyseg.bench.training.loop import train
from noisyseg.bench.training.run_dataset import train_dataset
from noisyseg.bench.training.sample_memory import SampleMemory
from noisyseg.bench.training.training import Training

SMOKE = load_protocol("smoke", where="")


@pytest.fixture
def make(shapes):
    def dataset(limit=None, **image):
        images = train_dataset(
            shapes / "annotations" / "instances_train.json",
            shapes / "train",
            classes=CLASSES,
            image={**SMOKE["image"], **image},
            train_seed=3,
        )
        if limit is not None:
            images._memory = SampleMemory(limit)
        return images

    return dataset


@pytest.fixture
def decoded(monkeypatch):
    """Notes each image that goes through the pipeline."""
    seen = []
    transformed = run_dataset.RunDataset._transformed

    def noted(self, index, seed):
        seen.append(index)
        return transformed(self, index, seed)

    monkeypatch.setattr(run_dataset.RunDataset, "_transformed", noted)
    return seen


def content(sample):
    truth = sample["data_samples"]
    return {
        **truth.metainfo,
        "pixels": sample["inputs"].numpy().tobytes(),
        "boxes": truth.gt_instances.bboxes.tensor.tolist(),
        "labels": truth.gt_instances.labels.tolist(),
        "ids": truth.gt_instances.annotation_ids.tolist(),
        "masks": truth.gt_instances.masks.masks.tobytes(),
        "ignored": len(truth.ignored_instances),
    }


def test_what_is_kept_is_what_the_pipeline_gives_and_is_made_once(make, decoded):
    kept, anew = make(), make(limit=0)
    for epoch in range(6):
        for index in range(8):
            assert content(kept[epoch, index]) == content(anew[epoch, index])
    assert len(decoded) == 48 + 16  # of the kept ones each image in both directions


def test_a_range_of_scales_is_drawn_anew_each_time(make, decoded):
    images = make(scale=[128, 48], scale_to=[128, 80])
    for epoch in range(6):
        images[epoch, 0]
    assert len(decoded) == 6


def test_samples_beyond_the_limit_are_made_again(make, decoded):
    one = make()[0, 0]
    masks = one["data_samples"].gt_instances.masks.masks
    images = make(limit=one["inputs"].nbytes + masks.nbytes, flip=0.0)
    decoded.clear()
    for _ in range(2):
        images[0, 0]
        images[0, 1]
    assert decoded == [0, 1, 1]
    assert len(images._memory._samples) == 1


def test_writing_to_a_sample_shows_in_no_other(make):
    images = make(flip=0.0)
    before = content(images[0, 0])
    for _ in range(2):  # the first is the one that was kept
        sample = images[0, 0]
        truth = sample["data_samples"]
        truth.set_metainfo({"img_id": -1, "batch_input_shape": (1, 1)})
        truth.gt_instances.labels = torch.zeros_like(truth.gt_instances.labels)
        truth.gt_instances.masks = truth.gt_instances.masks.pad((100, 100))
        del truth.ignored_instances
        sample["inputs"] = None
    assert content(images[0, 0]) == before


def test_a_training_with_memory_is_one_without_bit_for_bit(make, tiny, tmp_path):
    """mmdet pads masks and turns boxes into tensors in the samples that it is given."""

    def trained(name, limit):
        detector, reports = tiny(seed=8), []
        training = Training(
            key=name,
            detector=detector,
            class_losses=[],
            dataset=make(limit),
            protocol={**SMOKE, "epochs": 3},
            train_seed=3,
            device=torch.device("cpu"),
            checkpoint=tmp_path / name / "last.pth",
        )
        train(training, on_start=int, on_epoch=reports.append, on_iteration=lambda *_: None)
        return detector.state_dict(), [report["loss"] for report in reports]

    found, expected = trained("kept", None), trained("anew", 0)
    assert found[1] == expected[1]
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=0)
