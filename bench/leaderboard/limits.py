"""How large a bundle may be, for who writes one and for who reads one of a stranger's."""

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(kw_only=True, slots=True, frozen=True)
class Limits:
    """All in bytes, but for counts and ratios.

    Attributes:
        archive: the zip.
        members: files in it.
        directory: its table of contents.
        member: one file, unpacked.
        total: all files, unpacked.
        ratio: unpacked to packed, of a file of more than `ratio_from`.
        json: a document; a line of a log is one. It takes some fifty times as much memory if it is
            made to.
        record: a run's record, which is some 20 KiB.
        manifest: a manifest, which has an entry for every annotation that noise changed.
        source: a method's file.
        log: a run's log.
        log_lines: of it, an epoch each.
        detections: one file of predictions, decompressed.
        detections_ratio: decompressed to compressed, of more than `ratio_from`.
        images: that predictions are of.
        per_image: detections of an image, on average over a file's.
    """

    archive: int = 4096 * _MIB - 1  # what a zip's 32-bit fields can say
    members: int = 10_000
    directory: int = 4 * _MIB
    member: int = 512 * _MIB
    total: int = 4096 * _MIB
    ratio: int = 200
    ratio_from: int = _MIB
    json: int = 16 * _MIB
    record: int = _MIB
    manifest: int = 64 * _MIB
    source: int = _MIB
    log: int = 64 * _MIB
    log_lines: int = 100_000
    detections: int = 512 * _MIB
    detections_ratio: int = 1000
    images: int = 1_000_000
    per_image: int = 1000


LIMITS = Limits()
