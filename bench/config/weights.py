"""ImageNet weights by mmengine's usual names: where torch keeps them, and how they get there.

torch itself is not asked: planning must not wait for its import.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from noisyseg.bench.datasets.download import DownloadError, Remote, fetch
from noisyseg.errors import InputError, unknown_name
from noisyseg.files import sha256_file

PREFIX = "torchvision://"
BASE_URL = "https://download.pytorch.org/models"

# As mmengine resolves the names: IMAGENET1K_V1, which the detectors of mmdet start from. A file's
# name ends in the first digits of its SHA-256. Only backbones whose tensors mmdet names alike.
FILES: Mapping[str, str] = MappingProxyType(
    {
        "resnet18": "resnet18-f37072fd.pth",
        "resnet34": "resnet34-b627a593.pth",
        "resnet50": "resnet50-0676ba61.pth",
        "resnet101": "resnet101-63fe2227.pth",
    }
)


class AbsentWeightsError(InputError):
    """Weights that are not there and were not to be downloaded."""


_ATTEMPTS = 3  # without a network, a suite is to say so soon

_log = logging.getLogger(__name__)


def torchvision_weights(
    name: str, *, where: str, base_url: str | None = None, download: bool = True
) -> Path:
    """The file of torchvision's ImageNet weights, downloaded into torch's cache if it is not there.

    Args:
        name: e.g. `torchvision://resnet50`.
        where: the place that name came from.
        base_url: of the folder that holds the files; by default PyTorch's.
        download: whether to fetch a file that is not there.
    Raises:
        AbsentWeightsError: not there and not to be downloaded.
        InputError: an unknown name, a file whose checksum is not the one in its name, or one that
            is neither there nor can be downloaded.
    """
    model = name.removeprefix(PREFIX)
    if model not in FILES:
        raise unknown_name(f"weights of {PREFIX}", model, FILES, where)
    file_name = FILES[model]
    path = checkpoints_folder() / file_name
    if path.is_file():
        _check(path, where)
    elif not download:
        raise AbsentWeightsError(
            f"{where}: the weights {name} are not there: no file at {path}. `run` downloads it."
        )
    else:
        url = f"{base_url or BASE_URL}/{file_name}"
        _log.info("downloading %s to %s", url, path)
        _download(url, path, where)
    return path


def checkpoints_folder() -> Path:
    """The folder of downloaded weights that torch.hub and mmengine use."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(os.path.expanduser(home)) / "hub" / "checkpoints"


def _check(path: Path, where: str) -> None:
    try:
        found = sha256_file(path)
    except OSError as error:
        raise InputError(f"{where}: cannot read the weights {path}: {error.strerror}.") from error
    if not found.startswith(_wanted(path.name)):
        raise InputError(
            f"{where}: {path} is damaged or another file: its SHA-256 should begin with "
            f"{_wanted(path.name)}, found {found[:8]}. Delete it; it is then downloaded again."
        )


def _download(url: str, path: Path, where: str) -> None:
    remote = Remote(url=url, sha256=_wanted(path.name))
    try:
        fetch(remote, path, attempts=_ATTEMPTS)
    except DownloadError as error:
        raise InputError(
            f"{where}: cannot download {url} ({error.reason}). Fetch it on a machine that can and "
            f"put it at {path}, or name a local file (weights: FILE.pth), or say weights: none to "
            "train from scratch. A rehearsal can do without: --random-weights."
        ) from error


def _wanted(file_name: str) -> str:
    return file_name.removesuffix(".pth").rpartition("-")[2]
