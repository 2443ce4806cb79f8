"""The command line from a checkout: `python run_benchmark.py …` is the installed `noisyseg …`.

Written for any Python from 3.6 on, so that a wrong one is told which to use.
"""

import sys
from importlib.util import find_spec

# What the packages that pyproject.toml asks for are imported as.
_IMPORTED = (
    *("torch", "torchvision", "mmdet", "mmcv", "mmengine", "ray", "numpy", "pandas", "yaml"),
    *("pycocotools", "hotcoco", "scipy", "cv2", "matplotlib", "PIL", "jinja2", "orjson", "msgspec"),
    *("rich", "zstandard", "packaging", "shtab", "pynvml"),
)


def _obstacle():
    """Why this Python cannot run noisyseg; empty if it can."""
    if not (3, 10) <= sys.version_info < (3, 14):
        return "noisyseg needs Python 3.10 to 3.13"
    missing = [name for name in _IMPORTED if find_spec(name) is None]
    return "it lacks " + ", ".join(missing) if missing else ""


def _main():
    obstacle = _obstacle()
    if obstacle:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.stderr.write(
            f"error: this is Python {version} ({sys.executable}), and {obstacle}: `make setup` "
            "makes an environment with everything, then call .venv/bin/python run_benchmark.py\n"
        )
        return 2
    from noisyseg.bench.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(_main())
