"""An object that lives in a process of Ray's, and whose methods are called from others.

As `driver_package`, it travels by value, and needs no noisyseg before the driver's is in its place.
"""

import pickle
from typing import Any

from noisyseg.bench.cluster.driver_package import DriverPackage, adopt


class ServedObject:
    """An object made in this process, by the driver's noisyseg.

    Args:
        package: the driver's.
        make: (function, arguments) that give the object, pickled.

    Raises:
        RuntimeError: this machine has another noisyseg.
    """

    def __init__(self, package: DriverPackage, make: bytes) -> None:
        other = adopt(package)
        if other is not None:
            raise RuntimeError(f"another noisyseg than the driver's: {other}")
        function, arguments = pickle.loads(make)
        self._object = function(*arguments)

    def call(self, name: str, *arguments: Any) -> Any:
        """What a method of the object gives."""
        return getattr(self._object, name)(*arguments)
