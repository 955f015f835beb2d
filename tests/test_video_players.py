"""vp.video takes from a file what players take: the stream, the times, the shape and the colours.

Each kind of file is built here in several containers and codecs. Unless said otherwise a picture has four coloured
corners, and a grey middle as bright as its index says.
"""

import io
import struct
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from gradio_client.utils import is_valid_file
from PIL import Image, features

from vp import limits, video
from vp.clips import open_clips
from vp.errors import VideoError

CORNERS = np.array([[220, 30, 30], [30, 200, 40], [40, 60, 220], [230, 220, 40]], np.uint8)
STEP = 12  # grey levels from one picture to the next
SIZE = (48, 64)
FLAGS = {
    "libvpx": {"deadline": "realtime", "b": "8000000"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
FLAGS |= {codec: {"qmax": "2"} for codec in ("mpeg1video", "mpeg2video", "mpeg4")}
FLAGS |= {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"preset": "12"}}


def picture(index=0, size=SIZE, step=STEP):
    """uint8 [H, W, 3]."""
    height, width = size
    image = np.full((height, width, 3), index * step, np.uint8)
    y, x = height // 3, width // 3
    image[:y, :x], image[:y, -x:], image[-y:, :x], image[-y:, -x:] = CORNERS
    return image


def corners(frame):
    """The colour in the middle of each of the four corners, [4, 3]."""
    height, width = frame.shape[:2]
    y, x = height // 6, width // 6
    return np.stack([frame[a, b] for a in (y, -1 - y) for b in (x, -1 - x)]).astype(int)


def indices(frames, step=STEP):
    height, width = frames.shape[1:3]
    middle = frames[:, height * 4 // 9 : height * 5 // 9, width * 4 // 9 : width * 5 // 9]
    return np.rint(middle.mean((1, 2, 3)) / step).astype(int).tolist()


def add(container, codec="libx264", size=SIZE, rate=25, pixels="yuv420p", tags=(2, 2, 2), **options):
    """A stream for `put`; `tags` are the codes of primaries, transfer and matrix, 2 for none."""
    stream = container.add_stream(codec, rate=rate, options=FLAGS.get(codec, {}) | options)
    stream.height, stream.width = size
    stream.pix_fmt = pixels
    context = stream.codec_context
    context.color_primaries, context.color_trc, context.colorspace = tags
    return stream


def put(container, stream, images, times=None, matrix=None):
    """Encode uint8 [H, W, 3 or 4] pictures; `times` are the milliseconds at which each starts and the last one ends."""
    if times is not None:
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.flags |= av.codec.context.Flags.frame_duration
    for index, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image, format="rgba" if image.shape[-1] == 4 else "rgb24")
        frame = frame.reformat(format=stream.pix_fmt, dst_colorspace=matrix)
        context = stream.codec_context
        frame.color_primaries, frame.color_trc = context.color_primaries, context.color_trc
        frame.colorspace = context.colorspace
        frame.pts, frame.time_base = index, Fraction(1, 25)
        if times is not None:
            frame.pts, frame.duration = times[index], times[index + 1] - times[index]
            frame.time_base = Fraction(1, 1000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def encode(path, images, codec="libx264", times=None, matrix=None, container=None, **options):
    with av.open(str(path), "w", options=container or {}) as file:
        put(file, add(file, codec, images[0].shape[:2], **options), images, times, matrix)
    return path


def pictures(count=20, **how):
    return [picture(index, **how) for index in range(count)]


def agree(path, tmp_path, count=None, seconds=None):
    """`probe`, `read`, a late `read` and the copy for the browser tell one story. Returns (info, all frames)."""
    info = video.probe(path)
    frames = video.read(path, fps=50)
    assert frames.shape[1:3] == (info.height, info.width)
    assert len(frames) / 50 == pytest.approx(info.seconds, abs=0.021)
    if count is not None:
        assert info.frames == count
    if seconds is not None:
        assert info.seconds == pytest.approx(seconds, abs=0.011)
    late = video.read(path, fps=50, start=(len(frames) * 2 // 3 + 0.5) / 50, frames=1)[0]
    assert np.array_equal(late, frames[len(frames) * 2 // 3])
    copy = video.to_browser_mp4(path, tmp_path / "copy.mp4")
    assert video.browser_playable(copy)
    assert video.probe(copy).seconds == pytest.approx(info.seconds, abs=0.02)
    shown = video.read(copy, fps=50)
    assert len(shown) == len(frames)
    if shown.shape == frames.shape:
        assert np.abs(shown.astype(int) - frames).mean() < 6
    return info, frames


# The stream ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov", "a.webm", "a.ts"])
@pytest.mark.parametrize("first", ["preview", "film"])
def test_the_largest_stream_wins(tmp_path, name, first):
    codec = "libvpx-vp9" if name == "a.webm" else "libx264"
    sizes = {"preview": (24, 32), "film": SIZE}
    with av.open(str(tmp_path / name), "w") as file:
        order = [first, *(sizes.keys() - {first})]
        streams = [add(file, codec, sizes[kind]) for kind in order]
        for stream in streams:
            stream.disposition = av.stream.Disposition.default
        for stream, kind in zip(streams, order):
            put(file, stream, pictures(size=sizes[kind]))
    info, frames = agree(tmp_path / name, tmp_path, 20)
    assert (info.height, info.width) == SIZE
    assert indices(frames[::2]) == list(range(20))
    assert not video.browser_playable(tmp_path / name)  # a browser may choose another one


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov"])
def test_a_stream_that_is_not_default_or_disabled_is_left_alone(tmp_path, name):
    with av.open(str(tmp_path / name), "w") as file:
        large, small = add(file, size=(96, 128)), add(file)
        large.disposition, small.disposition = av.stream.Disposition(0), av.stream.Disposition.default
        put(file, large, pictures(size=(96, 128)))
        put(file, small, pictures())
    info, _ = agree(tmp_path / name, tmp_path, 20)
    assert (info.height, info.width) == SIZE


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_a_track_of_one_large_picture_is_no_film(tmp_path, name):
    with av.open(str(tmp_path / name), "w") as file:
        large, film = add(file, "mjpeg", (480, 640), pixels="yuvj420p"), add(file)
        large.disposition = film.disposition = av.stream.Disposition.default
        put(file, large, [picture(size=(480, 640))])
        put(file, film, pictures())
    info, _ = agree(tmp_path / name, tmp_path, 20)
    assert (info.height, info.width) == SIZE


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_covers_and_thumbnails_are_no_film(tmp_path, name):
    cover = io.BytesIO()
    Image.fromarray(picture(size=(480, 640))).save(cover, "JPEG")
    with av.open(str(tmp_path / name), "w") as file:
        film = add(file)
        if name == "a.mkv":
            file.add_attachment("cover.jpg", "image/jpeg", cover.getvalue())
        else:
            stream = add(file, "mjpeg", (480, 640), pixels="yuvj420p")
            stream.disposition = av.stream.Disposition.attached_pic
            put(file, stream, [picture(size=(480, 640))])
        put(file, film, pictures())
    info, _ = agree(tmp_path / name, tmp_path, 20)
    assert (info.height, info.width) == SIZE


# Seeking -----------------------------------------------------------------------------------------------------

LONG = {
    "alpha.webm": ("libvpx-vp9", {"pixels": "yuva420p", "auto-alt-ref": "0", "g": "10"}),
    "edited.mp4": ("libx264", {"bf": "2", "g": "15"}),
    "edited.mov": ("libx264", {"bf": "2", "g": "15"}),
    "two.mkv": ("libx264", {"bf": "2", "g": "10"}),
    "joined.mkv": ("libx264", {"bf": "0", "g": "10"}),
    "joined.ts": ("libx264", {"bf": "2", "g": "10"}),
    "animation.webp": (None, {}),
}


@pytest.mark.parametrize("name", LONG)
def test_a_late_start_finds_the_same_pictures(tmp_path, name):
    codec, options = LONG[name]
    images = [picture(index, step=4) for index in range(60)]
    path = tmp_path / name
    if "two" in name:
        with av.open(str(path), "w") as file:
            preview, film = add(file, size=(24, 32)), add(file, codec, **options)
            put(file, preview, pictures(60, size=(24, 32), step=1))
            put(file, film, images)
    elif "joined" in name:
        parts = [encode(path, half, codec, **options).read_bytes() for half in (images[:30], images[30:])]
        path.write_bytes(b"".join(parts))
    elif codec is None:
        animate(path, images, 40, lossless=True)
    else:
        encode(path, images, codec, **options)
    first = 0
    if "edited" in name:
        edit(path, (2000, 360))
        first = 9
    _, frames = agree(path, tmp_path)
    expected = np.arange(first, first + len(frames) // 2)
    assert np.abs(np.array(indices(frames[::2], step=4)) - expected).max() <= 1  # a grey level or two are lost
    for start in (1.01, 1.25, 1.37, 1.61, 1.93):
        late = video.read(path, fps=50, start=start, frames=2)
        assert np.array_equal(late[0], frames[int(start * 50)])


# Times --------------------------------------------------------------------------------------------------------


def edit(path, *edits):
    """Give an mp4 or mov this edit list: (length, first moment of the track or -1 for nothing), in milliseconds."""
    data = path.read_bytes()
    tick = struct.unpack(">I", data[data.index(b"mdhd") + 16 :][:4])[0]
    second = struct.unpack(">I", data[data.index(b"mvhd") + 16 :][:4])[0]
    at = data.index(b"edts") - 4
    old = struct.unpack(">I", data[at : at + 4])[0]
    offset = struct.unpack(">i", data[data.index(b"elst") + 16 :][:4])[0]  # of B-frames
    entries = b"".join(
        struct.pack(">IiI", length * second // 1000, -1 if begin < 0 else offset + begin * tick // 1000, 1 << 16)
        for length, begin in edits
    )
    elst = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
    data = bytearray(data[:at] + struct.pack(">I4s", 8 + len(elst), b"edts") + elst + data[at + old :])
    for name in (b"moov", b"trak"):
        where = data.index(name) - 4
        data[where : where + 4] = struct.pack(
            ">I", struct.unpack(">I", data[where : where + 4])[0] + 8 + len(elst) - old
        )
    total = sum(length for length, _ in edits) * second // 1000
    for name, where in ((b"mvhd", 20), (b"tkhd", 24)):
        where += data.index(name)
        data[where : where + 4] = struct.pack(">I", total)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.m4v"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_an_edit_list_cuts_probe_and_read_alike(tmp_path, name, codec):
    path = encode(tmp_path / name, pictures(20), codec, bf="2", g="20")
    edit(path, (280, 400))
    _, frames = agree(path, tmp_path, 7, 0.28)
    assert indices(frames[::2]) == list(range(10, 17))
    assert not video.browser_playable(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_an_edit_list_that_takes_out_the_middle(tmp_path, name):
    path = edit(encode(tmp_path / name, pictures(20), bf="2", g="20"), (200, 0), (200, 600))
    _, frames = agree(path, tmp_path, 10, 0.4)
    assert indices(frames[::2]) == [*range(5), *range(15, 20)]


def test_a_film_that_begins_late_counts_from_its_first_picture(tmp_path):
    path = edit(encode(tmp_path / "a.mp4", pictures(20)), (500, -1), (800, 0))
    agree(path, tmp_path, 20, 0.8)
    assert not video.browser_playable(path)  # whose clock in a browser is half a second off


PAUSES = {
    "in the middle": [*range(0, 400, 40), *range(10_400, 10_800, 40)],
    "before the last": [*range(0, 400, 40), 10_400, 10_440],
    "slides": [0, 3000, 5000, 7100, 15_000, 15_040, 18_000, 18_040],
}


@pytest.mark.parametrize("pause", PAUSES)
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "hevc.mp4"])
def test_a_variable_rate_with_b_frames_lasts_as_long_as_it_is_shown(tmp_path, name, pause):
    times = PAUSES[pause]
    codec = "libx265" if "hevc" in name else "libx264"
    path = encode(tmp_path / name, pictures(len(times) - 1), codec, times=times, bf="3")
    info = video.probe(path)
    assert info.frames == len(times) - 1
    if name == "a.mkv":  # which knows no length of its last picture
        assert times[-2] / 1000 < info.seconds < times[-2] / 1000 + 3.1
    else:
        assert info.seconds == pytest.approx(times[-1] / 1000, abs=0.002)
    moments = [(a + b) / 2000 for a, b in pairwise(times)]
    assert [indices(video.read(path, start=moment, frames=1))[0] for moment in moments] == list(range(len(times) - 1))
    with pytest.raises(VideoError, match="choose a start"):
        video.read(path, start=info.seconds + 0.01)


JOINED = {
    "h264.ts": ("libx264", {"bf": "2"}),
    "mpeg2.ts": ("mpeg2video", {"bf": "2"}),
    "mpeg1.mpg": ("mpeg1video", {"bf": "2"}),
    "mpeg2.mpg": ("mpeg2video", {"bf": "2"}),
    "vp9.webm": ("libvpx-vp9", {}),
    "h264.mkv": ("libx264", {"bf": "0"}),
    "h264b.mkv": ("libx264", {"bf": "2"}),
    "mpeg4b.mkv": ("mpeg4", {"bf": "2"}),
    "hevc.mkv": ("libx265", {}),
    "vp8.webm": ("libvpx", {}),
    "mpeg4.avi": ("mpeg4", {"bf": "0"}),
}


@pytest.mark.parametrize("name", JOINED)
def test_recordings_joined_byte_by_byte_follow_one_another(tmp_path, name):
    codec, options = JOINED[name]
    whole = b"".join(
        encode(tmp_path / name, pictures(20)[part], codec, **options).read_bytes()
        for part in (slice(0, 10), slice(10, 20))
    )
    (tmp_path / name).write_bytes(whole)
    _, frames = agree(tmp_path / name, tmp_path, 20, 0.8)
    assert indices(frames[::2]) == list(range(20))
    assert not video.browser_playable(tmp_path / name)  # browsers end where the first header says


@pytest.mark.parametrize("offset", [95_443.3, 95_442])
@pytest.mark.parametrize("name", ["h264.ts", "mpeg2.ts"])
def test_a_clock_that_starts_anew_after_33_bits(tmp_path, name, offset):
    codec, options = JOINED[name]
    path = encode(tmp_path / name, pictures(), codec, **options, container={"output_ts_offset": str(offset)})
    _, frames = agree(path, tmp_path, 20, 0.8)
    assert indices(frames[::2]) == list(range(20))


@pytest.mark.parametrize("name", ["h264.ts", "mpeg2.ts", "mpeg2.mpg"])
def test_a_clock_that_jumps_ahead_between_recordings(tmp_path, name):
    codec, options = JOINED[name]
    parts = []
    for part, begin in ((slice(0, 10), 0), (slice(10, 20), 3_600_000)):
        parts.append(
            encode(
                tmp_path / name,
                pictures(20)[part],
                codec,
                **options,
                container={"output_ts_offset": str(begin // 1000)},
            ).read_bytes()
        )
    (tmp_path / name).write_bytes(b"".join(parts))
    _, frames = agree(tmp_path / name, tmp_path, 20, 0.8)
    assert indices(frames[::2]) == list(range(20))


CUT = {
    "h264.ts": ("libx264", {"bf": "2", "g": "8", "sc_threshold": "0"}),
    "mpeg2.ts": ("mpeg2video", {"bf": "2", "g": "8"}),
    "mpeg4.ts": ("mpeg4", {"g": "8"}),
    "mpeg4.avi": ("mpeg4", {"g": "8"}),
    "mpeg4.mkv": ("mpeg4", {"g": "8"}),
    "mpeg2.mpg": ("mpeg2video", {"bf": "2", "g": "8"}),
    "h264.mkv": ("libx264", {"bf": "2", "g": "8", "sc_threshold": "0"}),
    "vp9.webm": ("libvpx-vp9", {"g": "8", "keyint_min": "8"}),
    "h264.flv": ("libx264", {"bf": "0", "g": "8", "sc_threshold": "0"}),
    "mpeg4b.avi": ("mpeg4", {"bf": "2", "g": "8"}),
    "mpeg4b.mkv": ("mpeg4", {"bf": "2", "g": "8"}),
    "mpeg2.avi": ("mpeg2video", {"bf": "2", "g": "8"}),
    "h264.avi": ("libx264", {"bf": "2", "g": "8", "sc_threshold": "0"}),
}


@pytest.mark.parametrize("name", CUT)
def test_a_stream_cut_between_key_frames_begins_with_what_can_be_decoded(tmp_path, name):
    codec, options = CUT[name]
    path = encode(tmp_path / f"whole-{name}", pictures(20), codec, **options)
    with av.open(str(path)) as source, av.open(str(tmp_path / name), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(source.demux(video=0)):
            if packet.size and index >= 3:
                packet.stream = stream
                target.mux(packet)
    info, frames = agree(tmp_path / name, tmp_path)
    found = indices(frames[::2])
    assert found == list(range(found[0], 20))
    assert len(found) == info.frames
    assert 6 <= found[0] <= 10


ANIMATIONS = ["a.gif", "a.webp", "a.apng", "a.png"] + ["a.avif"] * features.check("avif")


def animate(path, images, durations, **options):
    images = [Image.fromarray(image) for image in images]
    kind = "PNG" if path.suffix == ".apng" else None
    images[0].save(path, kind, save_all=True, append_images=images[1:], duration=durations, **options)
    return path


@pytest.mark.parametrize("name", ANIMATIONS)
def test_an_animation_is_a_video(tmp_path, name):
    lossless = {"lossless": True} if name == "a.webp" else {}
    path = animate(tmp_path / name, pictures(12), [100, 40, 200] * 4, **lossless)
    info, frames = agree(path, tmp_path, 12, 12 * 0.34 / 3)
    assert info.codec == {"a.png": "apng"}.get(name, name[2:])
    assert (info.height, info.width) == SIZE
    starts = np.cumsum([0, 0.1, 0.04, 0.2] * 4)[:-1]
    assert indices(frames[[0, 5, 7, 17]]) == [0, 1, 2, 3] and len(starts)
    assert np.abs(corners(frames[0]) - CORNERS).max() <= 6
    renamed = path.rename(tmp_path / "a.mp4")
    assert video.probe(renamed) == info
    assert not video.browser_playable(renamed)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.apng"])
@pytest.mark.parametrize(("said", "shown"), [(0, 100), (10, 100), (20, 20), (30, 30)])
def test_animations_keep_the_time_that_browsers_give_them(tmp_path, name, said, shown):
    path = animate(tmp_path / name, pictures(8), said)
    info, _ = agree(path, tmp_path, 8, 8 * shown / 1000)
    assert info.fps == pytest.approx(1000 / shown)


@pytest.mark.parametrize("name", ANIMATIONS)
def test_a_still_picture_is_none(tmp_path, name):
    Image.fromarray(picture()).save(tmp_path / name, "PNG" if name == "a.apng" else None)
    for call in (video.probe, video.read):
        with pytest.raises(VideoError, match="is a picture"):
            call(tmp_path / name)


@pytest.mark.parametrize("name", ANIMATIONS)
def test_a_damaged_animation_gives_what_is_there(tmp_path, name):
    whole = animate(tmp_path / name, pictures(12), 100).read_bytes()
    for share in (0.9, 0.6, 0.3, 0.05):
        (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
        try:
            assert len(video.read(tmp_path / name)) == video.probe(tmp_path / name).frames <= 12
        except VideoError as error:
            assert len(str(error)) > 20
    random = np.random.default_rng(3)
    for count in (1, 3, 10, 40) * 5:
        data = np.frombuffer(whole, np.uint8).copy()
        data[random.integers(12, len(data), count)] = random.integers(0, 256, count)
        (tmp_path / name).write_bytes(data.tobytes())
        try:
            assert len(video.read(tmp_path / name, fps=50)) > 0
        except VideoError as error:
            assert len(str(error)) > 20


D50_OF = {  # XYZ of red, green and blue under D50, as in the profiles of that name
    "sRGB": [[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]],
    "Display P3": [[0.51512, 0.24120, -0.00105], [0.29198, 0.69225, 0.04189], [0.15710, 0.06657, 0.78407]],
    "Adobe RGB": [[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]],
}
GAMMA = 563 / 256


def icc_profile(name: str) -> bytes:
    """An ICC profile (version 2) of three primaries and one gamma."""

    def xyz(values: list[float]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in values))

    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": xyz([0.9642, 1, 0.8249]),
    }
    for letter, values in zip(b"rgb", D50_OF[name]):
        tags[bytes([letter]) + b"XYZ"] = xyz(values)
        tags[bytes([letter]) + b"TRC"] = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(GAMMA * 256))
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(data), b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return head + table + data


def as_srgb(colour: list[int], name: str) -> np.ndarray:
    light = (np.array(colour) / 255) ** GAMMA @ np.array(D50_OF[name]) @ np.linalg.inv(D50_OF["sRGB"])
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.skipif(not features.check("littlecms2"), reason="this Pillow cannot convert colours")
@pytest.mark.parametrize("file", ["a.webp", "a.apng"] + ["a.avif"] * features.check("avif"))
@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB"])
def test_colour_profiles_are_heeded_as_in_browsers(tmp_path, file, name):
    colours = [[200, 80, 60], [60, 180, 90], [70, 90, 200], [255, 0, 0], [128, 128, 128], [255, 255, 255]]
    images = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    options = {"lossless": True} if file == "a.webp" else {"quality": 100} if file == "a.avif" else {}
    animate(tmp_path / file, images, 100, icc_profile=icc_profile(name), **options)
    shown = video.read(tmp_path / file, fps=10).mean((1, 2))
    wanted = np.array([as_srgb(colour, name) for colour in colours])
    assert np.abs(shown - wanted).max() <= (6 if file == "a.avif" else 3)  # an AVIF is rounded to YUV too
    assert np.abs(wanted - colours).max() > 15  # or this would show nothing


@pytest.mark.parametrize("profile", [b"junk", b"", "grey"])
def test_a_profile_that_cannot_be_used_is_left_out(tmp_path, profile):
    if profile == "grey":
        profile = icc_profile("Adobe RGB").replace(b"mntrRGB ", b"mntrGRAY")
    animate(tmp_path / "a.apng", pictures(3), 100, icc_profile=profile)
    _, frames = agree(tmp_path / "a.apng", tmp_path, 3, 0.3)
    assert np.abs(corners(frames[0]) - CORNERS).max() <= 6


def test_the_still_in_front_of_an_apng_is_not_part_of_it(tmp_path):
    path = animate(tmp_path / "a.apng", [picture(20), *pictures(5)], 100, default_image=True)
    _, frames = agree(path, tmp_path, 5, 0.5)
    assert indices(frames[::5]) == list(range(5))


def test_an_animation_is_bounded(tmp_path, monkeypatch):
    path = animate(tmp_path / "a.webp", pictures(12), 100)
    monkeypatch.setattr(limits, "MAX_ANIMATION_PIXELS", 12 * 48 * 64)
    assert len(video.read(path)) == 12
    monkeypatch.setattr(limits, "MAX_ANIMATION_PIXELS", 11 * 48 * 64)
    for call in (video.probe, lambda path: video.to_browser_mp4(path, tmp_path / "b.mp4")):
        with pytest.raises(VideoError, match="too many pictures"):
            call(path)
    monkeypatch.setattr(limits, "MAX_SECONDS", 0)
    with pytest.raises(VideoError, match="longer than the limit"):
        video.probe(path)


@pytest.mark.parametrize("suffix", ["mp4", "flv"])
def test_of_two_files_joined_byte_by_byte_players_show_the_first(tmp_path, suffix):
    """Their index, or their clock, ends there: only in .ts, .mpg and .mkv does the second one count."""
    path = encode(tmp_path / f"a.{suffix}", pictures())
    alone = video.probe(path)
    path.write_bytes(path.read_bytes() * 2)
    assert video.probe(path) == alone and alone.frames == 20
    assert indices(video.read(path, fps=25)) == list(range(20))


# Names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["CLIP.MTS", "clip.mts", "00001.m2ts", "a.m2t", "A.TS"])
def test_camcorders_are_listed_and_accepted(tmp_path, name):
    mode = {"mpegts_m2ts_mode": "1" if name.endswith("m2ts") else "0"}
    path = encode(tmp_path / "a.ts", pictures(), container=mode).rename(tmp_path / name)
    agree(path, tmp_path, 20)
    (tmp_path / "copy.mp4").unlink()
    source = open_clips(str(tmp_path))
    assert [clip.id for clip in source.search()] == [name]
    assert is_valid_file(name, ["video", *limits.UPLOAD_SUFFIXES])


def test_pictures_in_a_folder_are_not_listed_and_animations_are_accepted(tmp_path):
    animate(tmp_path / "a.gif", pictures(3), 100)
    Image.fromarray(picture()).save(tmp_path / "cover.webp")
    assert [clip.id for clip in open_clips(str(tmp_path)).search()] == ["a.gif"]
    assert all(is_valid_file(name, ["video", *limits.UPLOAD_SUFFIXES]) for name in [*ANIMATIONS, "a.WEBP"])


def test_an_apng_that_ends_after_its_still(tmp_path):
    path = animate(tmp_path / "a.apng", [picture(20), *pictures(5)], 100, default_image=True)
    data = path.read_bytes()
    for end in (data.index(b"fcTL") + 2, data.index(b"fdAT") + 2, data.index(b"IDAT") - 4, 60):
        path.write_bytes(data[:end])
        for call in (video.probe, video.read, lambda path: video.to_browser_mp4(path, tmp_path / "b.mp4")):
            with pytest.raises(VideoError):
                call(path)


# The shape ----------------------------------------------------------------------------------------------------


def turn(path, codec, sizes):
    """Ten pictures of each size in one stream."""
    with av.open(str(path), "w") as file:
        stream = add(file, codec, sizes[0])
        for part, size in enumerate(sizes):
            encoder = av.CodecContext.create(codec, "w")
            encoder.height, encoder.width = size
            encoder.pix_fmt, encoder.rate, encoder.options = "yuv420p", 25, FLAGS.get(codec, {}) | {"bf": "0"}
            encoder.time_base = Fraction(1, 25)
            file.start_encoding() if not part else None
            for index in range(10):
                frame = av.VideoFrame.from_ndarray(picture(part * 10 + index, size), format="rgb24")
                frame = frame.reformat(format="yuv420p")
                frame.pts, frame.time_base = part * 10 + index, Fraction(1, 25)
                for packet in encoder.encode(frame):
                    packet.stream = stream
                    file.mux(packet)
            for packet in encoder.encode():
                packet.stream = stream
                file.mux(packet)
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.ts", "libx264"),
        ("a.mkv", "mpeg4"),
        ("a.webm", "libvpx-vp9"),
        ("a.webm", "libvpx"),
        ("a.ts", "mpeg2video"),
        ("a.mpg", "mpeg2video"),
        ("a.mkv", "mpeg1video"),
        ("a.avi", "mpeg2video"),
    ],
)
def test_a_picture_that_turns_keeps_its_shape(tmp_path, name, codec):
    path = turn(tmp_path / name, codec, [(96, 128), (128, 72)])
    info, frames = agree(path, tmp_path, 20)
    assert (info.height, info.width) == (96, 128)
    assert indices(frames[::2]) == list(range(20))
    last = frames[-1]
    assert last[:, :36].max() <= 6 and last[:, -36:].max() <= 6  # 96×54 in the middle
    assert np.abs(corners(last[:, 37:91]) - CORNERS).max() <= 16
    small = video.read(path, fps=25, size=(48, 48))[-1]  # squeezed to 3:4 as the first one is
    assert small[:, :12].max() <= 12 and np.abs(corners(small[:, 15:33]) - CORNERS).max() <= 30


def test_a_picture_that_only_changes_resolution_fills_the_frame(tmp_path):
    _, frames = agree(turn(tmp_path / "a.ts", "libx264", [(96, 128), (48, 64)]), tmp_path, 20)
    assert np.abs(corners(frames[-1]) - CORNERS).max() <= 16


def test_the_clean_aperture_of_an_mp4_is_shown(tmp_path):
    for name in ("a.mp4", "a.mov"):
        padded = [np.concatenate([image, np.full((8, 64, 3), (0, 255, 0), np.uint8)]) for image in pictures()]
        path = encode(tmp_path / name, padded)
        clap = struct.pack(">I4s8I", 40, b"clap", 64, 1, 48, 1, 0, 1, 2**32 - 4, 1)
        data = bytearray(path.read_bytes())
        at = data.index(b"avc1", data.index(b"stsd")) + 4 + 78
        data[at:at] = clap
        for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
            where = data.index(kind, data.index(b"moov")) - 4
            data[where : where + 4] = struct.pack(">I", struct.unpack(">I", data[where : where + 4])[0] + 40)
        path.write_bytes(data)
        info, frames = agree(path, tmp_path, 20)
        assert (info.height, info.width) == SIZE
        assert np.abs(corners(frames[0]) - CORNERS).max() <= 12
        assert not video.browser_playable(path)


def test_the_cropping_of_a_matroska_is_shown(tmp_path):
    for name, codec in (("a.mkv", "libx264"), ("a.webm", "libvpx-vp9")):
        padded = [np.pad(image, ((2, 6), (0, 8), (0, 0))) for image in pictures()]
        path = encode(tmp_path / name, padded, codec, tags=(1, 1, 6))
        crops = bytes.fromhex("54bb8102 54aa8106 54dd8108")  # top, bottom, right
        data = bytearray(path.read_bytes())
        at = data.index(b"\x55\xb0")  # the colours give up their place
        size = data[at + 2] & 0x7F
        assert data[at + 2] & 0x80 and size + 3 >= len(crops) + 2
        rest = size + 1 - len(crops)
        data[at : at + 3 + size] = crops + bytes([0xEC, 0x80 | rest]) + bytes(rest)
        path.write_bytes(data)
        info, frames = agree(path, tmp_path, 20)
        assert (info.height, info.width) == SIZE
        assert np.abs(corners(frames[0]) - CORNERS).max() <= 12


# Colours ------------------------------------------------------------------------------------------------------

UNTAGGED = [
    ("a.mp4", "libx264"),
    ("a.mov", "libx265"),
    ("a.webm", "libvpx-vp9"),
    ("b.webm", "libvpx"),
    ("a.mkv", "mpeg4"),
    ("a.ts", "mpeg2video"),
]


@pytest.mark.parametrize(("name", "codec"), UNTAGGED)
@pytest.mark.parametrize(("size", "matrix"), [((720, 960), Colorspace.ITU709), ((576, 720), Colorspace.ITU601)])
def test_untagged_colours_are_those_that_browsers_assume(tmp_path, name, codec, size, matrix):
    path = encode(tmp_path / name, [picture(0, size)] * 3, codec, matrix=matrix)
    assert np.abs(corners(video.read(path, frames=1)[0]) - CORNERS).max() <= 8
    assert np.abs(corners(video.read(path, frames=1, size=(96, 128))[0]) - CORNERS).max() <= 8
    copy = video.to_browser_mp4(path, tmp_path / "copy.mp4")
    assert np.abs(corners(video.read(copy)[0]) - CORNERS).max() <= 8


@pytest.mark.parametrize(
    ("codec", "tags", "lines", "playable"),
    [
        ("libvpx-vp9", (2, 2, 2), 720, False),
        ("libvpx-vp9", (1, 1, 1), 720, True),
        ("libvpx-vp9", (2, 2, 2), 576, True),
        ("libvpx", (2, 2, 2), 720, True),
    ],
)
def test_what_browsers_disagree_about_is_not_left_to_them(tmp_path, codec, tags, lines, playable):
    path = tmp_path / "a.webm"
    with av.open(str(path), "w") as file:
        put(file, add(file, codec, (lines, 96), tags=tags), [picture(0, (lines, 96))] * 3)
    assert video.browser_playable(path) == playable


def test_a_jpeg_is_bt601_at_any_size(tmp_path):
    for name in ("a.avi", "a.mov", "a.mkv"):
        path = encode(tmp_path / name, [picture(0, (720, 960))] * 3, "mjpeg", pixels="yuvj420p", qmax="2")
        assert np.abs(corners(video.read(path, frames=1)[0]) - CORNERS).max() <= 12


@pytest.mark.parametrize("tag", [b"dvh1", b"dvhe"])
def test_dolby_vision_without_another_reading_is_refused(tmp_path, tag):
    path = encode(tmp_path / "a.mp4", pictures(), "libx265")
    data = path.read_bytes()
    kind = b"hev1" if b"hev1" in data else b"hvc1"
    path.write_bytes(data.replace(kind, tag))
    for call in (video.probe, video.read):
        with pytest.raises(VideoError, match="Dolby Vision"):
            call(path)
    assert not video.browser_playable(path)


HDR = [
    ("a.mp4", "libx265", "yuv420p10le"),
    ("b.mkv", "ffv1", "yuv420p10le"),
    ("a.mkv", "libsvtav1", "yuv420p10le"),
]


def hdr(colours, transfer):
    """uint8 codes for a BT.709 screen to uint16 RGB codes in BT.2020 with PQ or HLG, white at 203 cd/m²."""
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    light = np.clip((colours / 255) ** 2.4 @ to_2020.T, 0, 1)  # of 203 cd/m²
    if transfer == "pq":
        power = (light * 203 / 10_000) ** (2610 / 16_384)
        code = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    else:
        light = light * 203 / 1000
        luminance = light @ np.array([0.2627, 0.6780, 0.0593])
        light = light * np.maximum(luminance[..., None], 1e-6) ** (1 / 1.2 - 1)
        upper = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
        code = np.where(light <= 1 / 12, np.sqrt(3 * light), upper)
    return np.rint(code * 65_535).astype(np.uint16)


def encode_tagged(path, codec, pixels, image, tags):
    """Three times a uint16 RGB picture, in the YUV matrix of BT.2020."""
    with av.open(str(path), "w") as file:
        stream = add(file, codec, image.shape[:2], pixels=pixels, tags=tags)
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(image, format="rgb48le")
            frame = frame.reformat(format=pixels, dst_colorspace=Colorspace.BT2020)
            frame.color_primaries, frame.color_trc, frame.colorspace = tags
            frame.pts, frame.time_base = index, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


@pytest.mark.parametrize(("name", "codec", "pixels"), HDR)
@pytest.mark.parametrize(("transfer", "code"), [("pq", 16), ("hlg", 18)])
def test_hdr_is_toned_down_to_a_screen(tmp_path, name, codec, pixels, transfer, code):
    size = (96, 128)
    path = encode_tagged(tmp_path / name, codec, pixels, hdr(picture(10, size), transfer), (9, code, 9))
    _, frames = agree(path, tmp_path, 3)
    assert np.abs(corners(frames[0]) - CORNERS).max() <= 22
    assert indices(frames[:1]) == [10]
    assert not video.browser_playable(path)
    small = video.read(path, frames=1, size=(48, 64))[0]
    assert np.abs(corners(small) - CORNERS).max() <= 22


def test_lights_brighter_than_white_keep_their_hue_and_their_order(tmp_path):
    bars = np.zeros((64, 128, 3))
    for place, light in enumerate((0.5, 1, 2, 4)):
        bars[:32, 32 * place : 32 * place + 32] = light
        bars[32:, 32 * place : 32 * place + 32] = np.array([1, 0.5, 0.25]) * light
    image = _pq(bars)
    frame = video.read(encode_tagged(tmp_path / "a.mp4", "libx265", "yuv420p10le", image, (9, 16, 9)))[0].astype(int)
    white, orange = frame[16, 16::32], frame[48, 16::32]
    assert (np.diff(white[:, 1]) > 2).all() and white[-1].max() <= 255
    assert (np.ptp(white, axis=1) <= 6).all()
    assert (orange[:, 0] > orange[:, 1]).all() and (orange[:, 1] > orange[:, 2]).all()


def _pq(light):
    """Light in BT.2020, 1 being 203 cd/m², to uint16 codes."""
    power = (light * 203 / 10_000) ** (2610 / 16_384)
    return np.rint(65_535 * ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)).astype(
        np.uint16
    )


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx265"), ("a.mkv", "libx264")])
def test_a_wide_gamut_without_hdr(tmp_path, name, codec):
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    light = (picture(10, (96, 128)) / 255) ** 2.4 @ to_2020.T
    image = np.rint(65_535 * np.clip(light, 0, 1) ** (1 / 2.4)).astype(np.uint16)
    path = encode_tagged(tmp_path / name, codec, "yuv420p10le", image, (9, 14, 9))
    _, frames = agree(path, tmp_path, 3)
    assert np.abs(corners(frames[0]) - CORNERS).max() <= 12


CARRIED = [("a.mp4", "libx265", 18), ("a.mkv", "libx265", 16), ("a.mkv", "ffv1", 16), ("a.mov", "prores_ks", 18)]


@pytest.mark.parametrize(("name", "codec", "transfer"), CARRIED)
def test_colours_that_only_the_container_names(tmp_path, name, codec, transfer):
    image = hdr(picture(10, (96, 128)), {16: "pq", 18: "hlg"}[transfer])
    pixels = "yuv422p10le" if codec == "prores_ks" else "yuv420p10le"
    bare = encode_tagged(tmp_path / f"bare-{name}", codec, pixels, image, (2, 2, 2))
    with av.open(str(bare)) as source, av.open(str(tmp_path / name), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, transfer, 9
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    with av.open(str(tmp_path / name)) as file:
        if file.streams.video[0].color_trc != transfer:
            pytest.skip("this build of PyAV does not write the tags")
    _, frames = agree(tmp_path / name, tmp_path, 3)
    assert np.abs(corners(frames[0]) - CORNERS).max() <= 22


# Transparency -------------------------------------------------------------------------------------------------

ALPHA = [
    ("a.webm", "libvpx-vp9", "yuva420p"),
    ("a.webm", "libvpx", "yuva420p"),
    ("a.mkv", "libvpx-vp9", "yuva420p"),
    ("a.mov", "png", "rgba"),
    ("a.mov", "qtrle", "argb"),
    ("a.mov", "prores_ks", "yuva444p10le"),
    ("a.mkv", "ffv1", "yuva444p"),
    ("a.avi", "png", "rgba"),
]


def half_clear(index):
    """A picture whose right half is transparent and hides noise there."""
    noise = np.random.default_rng(index).integers(0, 256, (*SIZE, 4), np.uint8)
    noise[..., 3] = 0
    noise[:, :32] = np.dstack([picture(index), np.full(SIZE, 255, np.uint8)])[:, :32]
    return noise


@pytest.mark.parametrize(("name", "codec", "pixels"), ALPHA)
def test_what_is_transparent_is_white(tmp_path, name, codec, pixels):
    more = {"auto-alt-ref": "0"} if "vpx" in codec else {}
    path = encode(tmp_path / name, [half_clear(index) for index in range(20)], codec, pixels=pixels, **more)
    _, frames = agree(path, tmp_path, 20)
    for some in (frames, video.read(path, size=(24, 32))):
        third = some.shape[2] // 3
        assert some[:, :, -third:].min() >= 245
        assert np.abs(corners(some[0])[[0, 2]] - CORNERS[[0, 2]]).max() <= 16
    assert not video.browser_playable(path)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.apng"])
def test_animations_are_white_where_they_are_transparent(tmp_path, name):
    options = {"disposal": 2} if name == "a.gif" else {"lossless": True, "exact": True} if name == "a.webp" else {}
    path = animate(tmp_path / name, [half_clear(index) for index in range(5)], 100, **options)
    _, frames = agree(path, tmp_path, 5, 0.5)
    for some in (frames, video.read(path, size=(24, 32))):
        assert some[:, :, -some.shape[2] // 3 :].min() >= 250


def test_what_shines_through_is_mixed_with_white(tmp_path):
    image = np.dstack([np.full((*SIZE, 3), (200, 100, 0), np.uint8), np.full(SIZE, 128, np.uint8)])
    for name, codec, pixels in (("a.mov", "png", "rgba"), ("a.mkv", "ffv1", "yuva444p")):
        path = encode(tmp_path / name, [image] * 3, codec, pixels=pixels)
        assert np.abs(video.read(path)[0, 20, 20].astype(int) - (227, 177, 127)).max() <= 3


def test_the_fourth_byte_of_an_uncompressed_avi_is_padding(tmp_path):
    images = [np.dstack([picture(index), np.zeros(SIZE, np.uint8)]) for index in range(5)]
    path = encode(tmp_path / "a.avi", images, "rawvideo", pixels="bgra")
    _, frames = agree(path, tmp_path, 5)
    assert np.abs(corners(frames[0]) - CORNERS).max() <= 2
