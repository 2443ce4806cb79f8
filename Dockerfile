# noisyseg with what trains, for CPUs and NVIDIA's GPUs: torch's wheels bring CUDA, the host the driver.
#
#   docker build -t noisyseg .
#   docker run --rm --shm-size 2g noisyseg
#   docker run --rm --gpus all --shm-size 8g -v "$PWD:/work" noisyseg run quick
#
# Runs and what is written lie in /work, the working folder. The user has the number 1000: where the folder
# mounted there belongs to another, `--user "$(id -u):$(id -g)"`.
FROM python:3.12-slim-bookworm AS build

COPY . /src
# mmcv brings the OpenCV that needs libGL and pip writes it over the headless one: written again, as in
# tools/setup.sh.
RUN python -m venv /opt/noisyseg \
    && /opt/noisyseg/bin/pip install --no-cache-dir '/src[train]' \
    && version="$(/opt/noisyseg/bin/python -c 'from importlib.metadata import version; print(version("opencv-python-headless"))')" \
    && /opt/noisyseg/bin/pip install --no-cache-dir --force-reinstall --no-deps "opencv-python-headless==$version" \
    && /opt/noisyseg/bin/python -c 'import cv2'

FROM python:3.12-slim-bookworm

COPY --from=build /opt/noisyseg /opt/noisyseg
# Weights and prepared data go to the home folder, which anybody may write: any --user will do.
RUN useradd --uid 1000 --create-home noisyseg \
    && mkdir /work \
    && chown noisyseg /work \
    && chmod 777 /home/noisyseg
ENV HOME=/home/noisyseg PATH=/opt/noisyseg/bin:$PATH
USER 1000
WORKDIR /work
ENTRYPOINT ["noisyseg"]
CMD ["run", "smoke"]
