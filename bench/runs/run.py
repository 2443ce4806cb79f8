"""One run of a suite: what decides its result, and where its files lie."""

from dataclasses import dataclass
from pathlib import Path

from noisyseg.bench.datasets.split import Split
from noisyseg.bench.runs.prefix import Prefix
from noisyseg.methods.method import MethodSource
from noisyseg.results.evaluation.submission import submission_name
from noisyseg.results.records.record import RunSpec

# In the folder of a run.
PREDICTIONS = "predictions.json.zst"
MATCHES = "matches.msgpack.zst"
MANIFEST = "manifest.json"
LOG = "log.jsonl"
METHOD = "method.py"
OUTPUT = "run.log"
CHECKPOINTS = "checkpoints"
# A record's timing that is no stage: the median seconds of an optimizer step.
STEP = "step"


@dataclass(kw_only=True, slots=True, frozen=True)
class Run:
    """One training and evaluation, and where its files lie.

    Attributes:
        spec: what decides its result; its hash is the key.
        seed: the train seed.
        noise_seed: of its noise; None for a clean run.
        folder: the run's folder in the store.
        train_annotations: the file to train on, noisy or clean.
        manifest: of the noise; None for a clean run.
        method_source: the method's file, if it is one of the user's own.
        submission: images whose detections go to COCO's server; None for most runs.
        prefix: first epochs that another run trains, too: it may begin from there; None: none are.
        leaves: first epochs that others begin from, which it leaves as it passes.
    """

    key: str
    spec: RunSpec
    method_label: str
    noise_label: str
    seed: int
    noise_seed: int | None
    folder: Path
    train_annotations: Path
    train_images: Path
    eval_annotations: Path
    eval_images: Path
    manifest: Path | None
    weights: Path | None
    method_source: MethodSource | None = None
    submission: Split | None = None
    prefix: Prefix | None = None
    leaves: tuple[Prefix, ...] = ()

    @property
    def label(self) -> str:
        """How the run is called on the screen."""
        return f"{self.method_label} · {self.noise_label} · seed {self.seed_label}"

    @property
    def seed_label(self) -> int | str:
        """The one seed, or noise seed and train seed where they differ."""
        return label_of_seeds(self.noise_seed, self.seed)

    @property
    def seeds(self) -> tuple[int | None, int]:
        """Noise seed, None for a clean run, and train seed."""
        return self.noise_seed, self.seed

    @property
    def output(self) -> Path:
        """What its process prints."""
        return self.folder / OUTPUT

    @property
    def checkpoint(self) -> Path:
        """The last state of its training."""
        return self.folder / CHECKPOINTS / "last.pth"

    @property
    def submission_file(self) -> Path:
        """The file for COCO's server."""
        seed = str(self.seed_label).replace("/", "-")
        name = f"noisyseg-{self.method_label}-{self.noise_label}-seed{seed}"
        return self.folder / "test-dev" / submission_name(name)

    @property
    def lacks_submission(self) -> bool:
        """Whether a file for COCO's server was asked for and is not there."""
        return self.submission is not None and not self.submission_file.is_file()


@dataclass(kw_only=True, slots=True, frozen=True)
class Resources:
    """What a run may use; none of it is in the key.

    Attributes:
        threads: of torch, on the CPU.
        device: "cpu" or "cuda".
        loader_workers: processes that load images.
        ranks, rank: how many processes train the run together, and which of them this is.
        meeting: where they find each other, an `init_method` of torch.distributed.
        keep_checkpoints: whether those of earlier epochs stay.
        step_limit: seconds without a step after which its process ends; None: never.
        device_share: how much of its GPU a process has, below 1 where other runs use it, too.
    """

    threads: int
    device: str
    loader_workers: int = 0
    ranks: int = 1
    rank: int = 0
    meeting: str | None = None
    keep_checkpoints: bool = False
    step_limit: float | None = None
    device_share: float = 1.0


def label_of_seeds(noise_seed: int | None, train_seed: int) -> int | str:
    """The one seed, or noise seed and train seed where they differ."""
    same = noise_seed is None or noise_seed == train_seed
    return train_seed if same else f"{noise_seed}/{train_seed}"
