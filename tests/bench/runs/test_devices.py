import sys
from types import ModuleType

import pytest

from noisyseg.bench.runs import devices
from noisyseg.bench.runs.devices import device_here, energy_used, processor_name


class PretendedNvml(ModuleType):
    """As much of nvidia-ml-py's module as is used, with two cards and no library behind it."""

    class NVMLError(Exception):
        pass

    def __init__(self):
        super().__init__("pynvml")
        self.open = 0
        self.joules = {"GPU-a": 1.5, "GPU-b": 70.25}
        self.split = {"GPU-a": None, "GPU-b": 0}  # None: a card that cannot be
        self.cards = list(self.joules)
        self.driver = True

    def nvmlInit(self):  # noqa: N802
        if not self.driver:
            raise self.NVMLError("driver not loaded")
        self.open += 1

    def nvmlShutdown(self):  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        assert self.open
        if index >= len(self.cards):
            raise self.NVMLError("not found")
        return self.cards[index]

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        if uuid not in self.cards:
            raise self.NVMLError("not found")
        return uuid

    def nvmlDeviceGetName(self, card):  # noqa: N802
        return f"NVIDIA {card}"

    def nvmlDeviceGetMigMode(self, card):  # noqa: N802
        if self.split[card] is None:
            raise self.NVMLError("not supported")
        return [self.split[card], 0]

    def nvmlDeviceGetTotalEnergyConsumption(self, card):  # noqa: N802
        if self.joules[card] is None:
            raise self.NVMLError("not supported")
        return int(self.joules[card] * 1000)  # the library counts millijoules


@pytest.fixture
def nvml(monkeypatch):
    made = PretendedNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    yield made
    assert made.open == 0


def test_a_pretended_cards_energy_is_that_of_the_card_with_the_number(nvml):
    assert [energy_used(uuid) for uuid in ("GPU-a", "GPU-b", "GPU-c")] == [1.5, 70.25, None]


def test_a_pretended_card_that_is_split_or_does_not_count_tells_nothing(nvml):
    nvml.split["GPU-b"], nvml.joules["GPU-a"] = 1, None
    assert [energy_used(uuid) for uuid in ("GPU-a", "GPU-b")] == [None, None]


def test_a_pretended_card_goes_before_the_processor(nvml):
    assert device_here() == "NVIDIA GPU-a"
    nvml.cards = []
    assert device_here() == processor_name()
    nvml.driver = False
    assert device_here() == processor_name()
    assert energy_used("GPU-a") is None


def test_without_the_package_the_processor_is_told_and_no_energy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert device_here() == processor_name()
    assert energy_used("GPU-a") is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "processor\t: 0\nmodel name\t: Some  CPU @ 2.0GHz\nmodel name\t: Other\n",
            "Some CPU @ 2.0GHz",
        ),
        ("model name\t: a\x07b\n", "ab"),
    ],
)
def test_a_processor_is_called_as_its_maker_calls_it(monkeypatch, tmp_path, text, name):
    file = tmp_path / "cpuinfo"
    file.write_text(text)
    monkeypatch.setattr(devices, "_PROCESSORS", file)
    assert processor_name.__wrapped__() == name


def test_a_processor_without_a_name_is_its_kind(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "_PROCESSORS", tmp_path / "absent")
    monkeypatch.setattr(devices.platform, "machine", lambda: "aarch64")
    assert processor_name.__wrapped__() == "aarch64"


def test_a_real_card_counts_what_it_uses():
    torch = pytest.importorskip("torch")
    pytest.importorskip("pynvml")
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
    assert device_here() == torch.cuda.get_device_name(0)
    first = energy_used(uuid)
    if first is not None:
        assert energy_used(uuid) >= first
