"""The part of its pictures that a container asks to show. FFmpeg reads it and PyAV does not pass it on."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import av

MOST = 2**24  # bytes of a header; a larger one holds no crop that matters
PARTS = 1000  # looked at in one place; a hostile file may have millions

SEGMENT, TRACKS, TRACK, TYPE, VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0xE0
PIXEL_CROPS = (0x54CC, 0x54BB, 0x54DD, 0x54AA)  # left, top, right, bottom


def container_crop(
    file: BinaryIO, container: av.container.InputContainer, stream: av.VideoStream
) -> tuple[int, int, int, int]:
    """Pixels to leave out at the left, top, right and bottom: `clap` of mp4 and mov, PixelCrop of mkv and webm."""
    kind, place = container.format.name.split(",")[0], file.tell()
    try:
        if kind == "mov":
            crop = _clean_aperture(file, stream.id, stream.codec_context.width, stream.codec_context.height)
        elif kind == "matroska":
            crop = _pixel_crop(file, container.streams.video.index(stream))
        else:
            return (0, 0, 0, 0)
    except (struct.error, IndexError, ArithmeticError):  # a damaged header says nothing
        return (0, 0, 0, 0)
    finally:
        file.seek(place)
    return crop if min(crop) >= 0 else (0, 0, 0, 0)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of the boxes of an mp4."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _inside(data: bytes, *path: bytes) -> bytes:
    for wanted in path:
        data = next((content for kind, content in _boxes(data) if kind == wanted), b"")
    return data


def _clean_aperture(file: BinaryIO, track: int, width: int, height: int) -> tuple[int, int, int, int]:
    file.seek(0)
    moov = b""
    for _ in range(PARTS):
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        if kind == b"moov":
            moov = file.read(min(size - header, MOST))
        if kind == b"moov" or not header <= size < 2**63:
            break
        file.seek(size - header, 1)
    for kind, trak in _boxes(moov):
        if kind != b"trak":
            continue
        header = _inside(trak, b"tkhd")
        if struct.unpack_from(">I", header, 20 if header[0] else 12)[0] != track:
            continue
        entry = next(_boxes(_inside(trak, b"mdia", b"minf", b"stbl", b"stsd")[8:]), (b"", b""))[1]
        clap = _inside(entry[78:], b"clap")
        if clap:
            wide, high, x, y = (Fraction(*struct.unpack_from(">iI", clap, at)) for at in (0, 8, 16, 24))
            left, top = round((width - wide) / 2 + x), round((height - high) / 2 + y)
            return left, top, width - left - round(wide), height - top - round(high)
    return (0, 0, 0, 0)


def _number(file: BinaryIO, marker: bool) -> tuple[int, bool]:
    """A number of EBML of 1 to 8 bytes, with or without its marker, and whether all its bits are set."""
    first = file.read(1)[0]
    length = 9 - first.bit_length()
    rest = file.read(length - 1)
    value = int.from_bytes(bytes([first]) + rest, "big")
    bare = value & ((1 << 7 * length) - 1)
    return (value if marker else bare), bare == (1 << 7 * length) - 1


def _elements(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """(id, end) of the elements up to `end`, the file standing at the content of each."""
    for _ in range(PARTS):
        if file.tell() >= end:
            return
        name, _ = _number(file, marker=True)
        size, unknown = _number(file, marker=False)
        stop = end if unknown else min(end, file.tell() + size)
        yield name, stop
        file.seek(stop)


def _pixel_crop(file: BinaryIO, index: int) -> tuple[int, int, int, int]:
    """Of the video track with this index among those of video."""
    end = file.seek(0, 2)
    file.seek(0)
    tracks = []
    for name, segment in _elements(file, end):
        for inner, stop in _elements(file, segment) if name == SEGMENT else ():
            for track, track_end in _elements(file, min(stop, file.tell() + MOST)) if inner == TRACKS else ():
                kind, crop = 0, {}
                for field, field_end in _elements(file, track_end) if track == TRACK else ():
                    if field == TYPE:
                        kind = int.from_bytes(file.read(field_end - file.tell()), "big")
                    for part, part_end in _elements(file, field_end) if field == VIDEO else ():
                        if part in PIXEL_CROPS:
                            crop[part] = int.from_bytes(file.read(part_end - file.tell()), "big")
                if kind == 1:
                    tracks.append(tuple(crop.get(side, 0) for side in PIXEL_CROPS))
            if inner == TRACKS:
                return tracks[index]
    return (0, 0, 0, 0)
