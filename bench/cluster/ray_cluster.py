"""Ray: a private one on this machine, or a cluster that is already there.

The one module that imports ray.
"""

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from noisyseg.bench.cluster.machine import usable_cpus
from noisyseg.bench.cluster.ray_dashboard import dashboard_line
from noisyseg.bench.cluster.ray_noise import quieten_ray
from noisyseg.bench.cluster.settings import ClusterSettings
from noisyseg.bench.cluster.socket_folders import ray_folder
from noisyseg.errors import InputError

_CONNECT_S = 10.0
_TOKEN_HINT = (  # Ray tells neither from an absent cluster
    "One that was started with a token wants it here, too: RAY_AUTH_MODE=token, and the cluster's "
    "~/.ray/auth_token or RAY_AUTH_TOKEN."
)
_OBJECT_STORE_BYTES = 100 * 1024 * 1024  # records only; the default takes a third of the memory


class Connection(NamedTuple):
    """Ray's module, connected, and a line that says where its own pages are, if they are."""

    ray: Any
    dashboard: str | None


@contextmanager
def connected(settings: ClusterSettings) -> Iterator[Connection]:
    """Ray, connected; stopped at the end if it was started here.

    A private Ray is given a fresh token: it listens on every interface, and whoever reaches an
    open Ray port runs code.
    """
    with ExitStack() as stack:
        folder = None
        if settings.address is None:
            folder = stack.enter_context(ray_folder())
            stack.enter_context(_environment(_private_variables()))
        import ray

        quieten_ray()
        with _deaf_to_hangup():
            context = _connect(ray, settings.address, folder)
        stack.callback(ray.shutdown)
        yield Connection(ray, dashboard_line(context))


def has_gpus(address: str | None) -> bool:
    """Whether runs would find a GPU: on this machine, or in the cluster at an address.

    Raises:
        InputError: no Ray at the address.
    """
    if address is None:
        import torch

        return torch.cuda.is_available()
    with connected(ClusterSettings(address=address)) as (ray, _):
        return bool(ray.cluster_resources().get("GPU", 0))


@contextmanager
def _deaf_to_hangup() -> Iterator[None]:
    """Processes started meanwhile outlive their terminal: the driver says when they end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL if before is None else before)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _private_variables() -> dict[str, str]:
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": _token(),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_task_oom_retries": "0",  # what is done about it is the scheduler's to decide
    }


@cache
def _token() -> str:
    """One for all of a process's private Rays: Ray's native code reads it once and keeps it."""
    return secrets.token_hex(32)


def _connect(ray: Any, address: str | None, folder: Path | None) -> Any:
    # address="local" always starts a new one: a killed driver leaves an address file behind, and
    # a plain ray.init() then fails or joins a stranger's cluster.
    local = {
        "address": "local",
        "num_cpus": usable_cpus(),
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_temp_dir": str(folder),
    }
    if address is not None:
        _check_reachable(address)
    choice: dict[str, Any] = local if address is None else {"address": address}
    try:
        return ray.init(log_to_driver=False, logging_level=logging.ERROR, **choice)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        place = address or "this machine"
        reason = str(error).strip().splitlines()[0]
        hint = "" if address is None else f". {_TOKEN_HINT}"
        raise InputError(
            f"no Ray cluster could be reached or started at {place}: {reason}{hint}"
        ) from error


def _check_reachable(address: str) -> None:
    """Refuse an address at which nothing listens: Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return  # "auto", or for Ray to judge
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"no Ray cluster could be reached at {address}: {error}. Is it running there "
            "(ray status), and is this the address that `ray start` printed?"
        ) from error
