"""How long a socket's path may be, and where there is room for one."""

import os
import tempfile

SOCKET_BYTES = 107  # sun_path of Linux, less its closing zero byte
SHORT_FOLDERS = ("/tmp", "/dev/shm", "/var/tmp")
_LONGEST_OF_PROCESSES = (
    "/pymp-abcdefgh/listener-abcdefgh"  # what multiprocessing puts behind TMPDIR
)


def shorten_temporary_folder() -> None:
    """Put this process's temporary files where their paths are short enough for sockets.

    Processes that load a run's images, or make noise, speak by sockets below TMPDIR. Where a batch
    system's is too long for them, the first wait for ever and the others cannot be started.
    """
    current = os.fsencode(tempfile.gettempdir())
    if len(current) + len(_LONGEST_OF_PROCESSES) <= SOCKET_BYTES:
        return
    for place in SHORT_FOLDERS:
        if os.access(place, os.W_OK | os.X_OK):
            tempfile.tempdir = place
            return
