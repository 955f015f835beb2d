"""vp.video and vp.limits, on videos made here: every frame is grey, as bright as its index says."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from vp import limits, video
from vp.errors import VideoError
from vp.video import read_again

STEP = 12  # grey levels from one frame to the next: more than any codec here gets wrong
FINE = 6  # for longer clips


def encode(path, count=20, codec="libx264", pix_fmt="yuv420p", fps=25, size=(48, 64), times=None, **options):
    """Write `count` grey frames; `times` are the milliseconds at which each starts, with the end as one more."""
    with av.open(str(path), "w", options=options.pop("container", {})) as container:
        stream = container.add_stream(codec, rate=fps, options={k: str(v) for k, v in options.items()})
        stream.height, stream.width = size
        stream.pix_fmt = pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
            stream.codec_context.flags |= av.codec.context.Flags.frame_duration
        for index in range(count):
            grey = index * (STEP if count <= 21 else FINE)
            frame = av.VideoFrame.from_ndarray(np.full((*size, 3), grey, np.uint8), format="rgb24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, fps)
            if times is not None:
                frame.pts, frame.duration = times[index], times[index + 1] - times[index]
                frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def indices(frames, count=20):
    """Which of `count` source frames each frame is, read off its brightness."""
    return np.rint(frames.mean((1, 2, 3)) / (STEP if count <= 21 else FINE)).astype(int).tolist()


def set_display_matrix(path, matrix):
    """Patch the matrix in the track header of an mp4: 4 numbers a, b, c, d."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    a, b, c, d = (v * 65536 for v in matrix)
    data[at : at + 36] = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    path.write_bytes(data)


# Formats ------------------------------------------------------------------------------------------------------

FORMATS = {
    "h264.mp4": {},
    "h264.mov": {},
    "h264.mkv": {},
    "h264.avi": {},
    "h264.ts": {},
    "h264.flv": {},
    "hevc.mp4": {"codec": "libx265", "x265-params": "log-level=none"},
    "av1.mp4": {"codec": "libsvtav1", "preset": 12},
    "vp8.webm": {"codec": "libvpx"},
    "vp9.webm": {"codec": "libvpx-vp9", "deadline": "realtime", "cpu-used": 8},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4-b-frames.avi": {"codec": "mpeg4", "bf": 2, "qmax": 2},
    "h264-10-bit.mp4": {"pix_fmt": "yuv420p10le"},
    "ffv1-10-bit.mkv": {"codec": "ffv1", "pix_fmt": "yuv422p10le"},
    "ffv1-alpha.mkv": {"codec": "ffv1", "pix_fmt": "yuva444p"},
    "gray.mkv": {"codec": "ffv1", "pix_fmt": "gray"},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "mpeg2video.ts": {"codec": "mpeg2video"},
    "odd.mkv": {"codec": "ffv1", "size": (47, 63)},
    "odd-444.mp4": {"pix_fmt": "yuv444p", "size": (31, 65)},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_right_frames(tmp_path, name):
    path = encode(tmp_path / name, **FORMATS[name])
    info = video.probe(path)
    size = FORMATS[name].get("size", (48, 64))
    assert (info.height, info.width) == size
    assert info.fps == pytest.approx(25, rel=0.01)
    assert info.seconds == pytest.approx(0.8, abs=0.05)
    assert info.codec in name or name in ("gray.mkv", "odd.mkv", "odd-444.mp4")
    frames = video.read(path, fps=25)
    assert frames.shape == (20, *size, 3)
    assert frames.dtype == np.uint8
    assert indices(frames) == list(range(20))
    assert indices(video.read(path, fps=5, start=0.2, frames=2)) == [5, 10]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_becomes_a_browser_mp4(tmp_path, name):
    path = encode(tmp_path / name, **FORMATS[name])
    out = video.to_browser_mp4(path, tmp_path / "out.mp4")
    assert video.browser_playable(out)
    assert indices(video.read(out, fps=25)) == list(range(20))
    assert video.probe(out).fps == pytest.approx(25, rel=0.01)


def test_the_content_counts_and_not_the_name(tmp_path):
    path = encode(tmp_path / "a.mkv").rename(tmp_path / "a.mp4")
    assert len(video.read(path, fps=25)) == 20
    assert not video.browser_playable(path)


def test_colours_survive_writing_and_reading(tmp_path):
    colours = np.array([[200, 30, 40], [30, 180, 60], [40, 60, 220], [240, 240, 240]], np.uint8)
    frames = np.broadcast_to(colours[:, None, None], (4, 64, 96, 3))
    path = video.write_mp4(tmp_path / "a.mp4", frames, fps=10)
    assert np.abs(video.read(path, fps=10).astype(int) - frames).max() <= 5


def test_8k_is_read_at_a_small_size(tmp_path):
    path = encode(tmp_path / "8k.mp4", count=2, size=(4320, 7680), preset="ultrafast", qp=20)
    assert video.probe(path).width == 7680
    frames = video.read(path, fps=25, size=(72, 128))
    assert frames.shape == (2, 72, 128, 3)
    assert indices(frames) == [0, 1]


def test_shrinking_does_not_alias(tmp_path):
    checks = np.indices((128, 128)).sum(0) % 2 * 255
    frames = np.broadcast_to(checks[None, ..., None], (2, 128, 128, 3)).astype(np.uint8)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 128, "bgr0"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="bgr0")))
        container.mux(stream.encode())
    small = video.read(tmp_path / "a.mkv", size=(32, 32))
    assert np.abs(small.astype(int) - 127).max() <= 3


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode())
    assert (video.probe(tmp_path / "a.mp4").width, video.probe(tmp_path / "a.mp4").height) == (96, 48)
    assert video.read(tmp_path / "a.mp4").shape == (1, 48, 96, 3)


# Rotation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "degrees", "upright"),
    [
        ((1, 0, 0, 1), 0, lambda a: a),
        ((0, 1, -1, 0), 90, lambda a: np.rot90(a, -1)),
        ((-1, 0, 0, -1), 180, lambda a: np.rot90(a, 2)),
        ((0, -1, 1, 0), 270, np.rot90),
        ((-1, 0, 0, 1), 0, np.fliplr),
        ((1, 0, 0, -1), 180, np.flipud),
    ],
)
def test_the_display_matrix_is_applied(tmp_path, matrix, degrees, upright):
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32], image[24:, :32], image[:24, 32:] = 250, 160, 80  # four corners, four greys
    path = video.write_mp4(tmp_path / "a.mp4", image[None], fps=10)
    set_display_matrix(path, matrix)
    expected = upright(image)
    info = video.probe(path)
    assert info.rotation == degrees
    assert (info.height, info.width) == expected.shape[:2]
    for clip in (path, video.to_browser_mp4(path, tmp_path / "b.mp4")):
        frame = video.read(clip)[0]
        assert frame.shape == expected.shape
        assert np.median(np.abs(frame.astype(int) - expected)) <= 4
    half = video.read(path, size=(expected.shape[0] // 2, expected.shape[1] // 2))[0]
    assert np.median(np.abs(half.astype(int) - expected[::2, ::2])) <= 4


# Time ---------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(5, 300), min_size=1, max_size=30),
    fps=st.sampled_from([1, 5, 10, 12.5, 15, 25, 29.97, 60]) | st.floats(0.5, 120),
    start=st.just(0) | st.floats(0, 4),
    frames=st.none() | st.integers(1, 40),
    suffix=st.sampled_from(["mp4", "mkv"]),
)
def test_each_frame_is_the_newest_whose_time_has_come(tmp_path, gaps, fps, start, frames, suffix):
    times = np.cumsum([0, *gaps]).tolist()
    path = encode(tmp_path / f"a.{suffix}", len(gaps), times=times, fps=30, size=(16, 16), preset="ultrafast", g=4)
    if suffix == "mkv":  # a simple block stores no length: its last frame lasts for one at the mean rate
        with av.open(str(path)) as container:
            rate = container.streams.video[0].average_rate
            last = [p.duration for p in container.demux(video=0) if p.size][-1]
        times[-1] = times[-2] + (last or max(1000 / rate, 2))
    expected = []
    while len(expected) < (frames or limits.MAX_FRAMES):
        due = (Fraction(start) + len(expected) / Fraction(fps)) * 1000
        if due >= times[-1] - 1:
            break
        expected.append(max(i for i, time in enumerate(times[:-1]) if time - 1 <= due))
    if expected:
        assert indices(video.read(path, fps, start, frames), len(gaps)) == expected
    else:
        with pytest.raises(VideoError, match="choose a start before"):
            video.read(path, fps, start, frames)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.floats(0, 3.9), bframes=st.sampled_from([0, 3]), name=st.sampled_from(["a.mp4", "a.mkv", "a.avi"]))
def test_seeking_finds_the_same_frames_as_decoding_everything(tmp_path, start, bframes, name):
    assume(0.001 < (start * 10 + 0.01) % 1 < 0.999)  # on the edge between two frames both are right
    path = tmp_path / f"{bframes}-{name}"
    if not path.exists():
        encode(path, 40, fps=10, size=(32, 32), bf=bframes, g=9)
    assert indices(video.read(path, 10, start, 3), 40) == [
        int((start + k / 10) * 10 + 0.01) for k in range(3) if start + k / 10 < 3.999
    ]


def test_a_gif_keeps_its_durations_and_transparency_is_white(tmp_path):
    path = tmp_path / "a.gif"
    images = [Image.new("RGBA", (33, 21), (v, v, v, 255)) for v in (0, 60, 120)]
    images[0].putpixel((0, 0), (0, 0, 0, 0))
    images[0].save(path, save_all=True, append_images=images[1:], duration=[100, 400, 200], disposal=2)
    info = video.probe(path)
    assert (info.width, info.height, info.frames, info.codec) == (33, 21, 3, "gif")
    assert info.seconds == pytest.approx(0.7)
    frames = video.read(path, fps=10)
    assert frames[:, 10, 10, 0].tolist() == [0, 60, 60, 60, 60, 120, 120]
    assert frames[0, 0, 0].tolist() == [255, 255, 255]
    out = video.to_browser_mp4(path, tmp_path / "out.mp4")
    assert video.probe(out).seconds == pytest.approx(0.7)
    assert len(video.read(out, fps=10)) == 7


def test_a_variable_rate_survives_transcoding(tmp_path):
    times = [0, 40, 80, 500, 1000, 1040, 1500]
    path = encode(tmp_path / "a.mp4", 6, times=times)
    out = video.to_browser_mp4(path, tmp_path / "out.mp4")
    with av.open(str(out)) as container:
        assert [round(frame.time * 1000) for frame in container.decode(video=0)] == times[:-1]


def test_transcoding_bounds_size_and_rate(tmp_path):
    path = encode(tmp_path / "a.mp4", 40, fps=240, size=(300, 1000), preset="ultrafast")
    info = video.probe(video.to_browser_mp4(path, tmp_path / "out.mp4", max_side=200))
    assert (info.height, info.width) == (60, 200)
    assert info.fps <= 61


# Damaged, hostile and out of bounds ---------------------------------------------------------------------------


def message(path):
    """What the person reads; all the ways of opening agree, and only VideoError comes out."""
    out = path.parent / "never.mp4"
    said = []
    for call in (video.probe, video.read, lambda p: video.to_browser_mp4(p, out)):
        with pytest.raises(VideoError) as error:
            call(path)
        said.append(str(error.value))
    assert not video.browser_playable(path)
    assert not list(path.parent.glob(".*")) and not out.exists()  # no half-written file stays
    assert len(set(said)) == 1
    assert str(path.parent) not in said[0]
    return said[0]


def test_files_that_are_no_video(tmp_path):
    path = tmp_path / "clip.avi"
    assert "no video file" in message(path)
    path.write_bytes(b"")
    assert "empty" in message(path)
    path.write_text("not a video\n" * 1000, encoding="utf-8")
    assert "not a video that can be read" in message(path)
    path.write_bytes(np.random.default_rng(0).bytes(50_000))
    assert "not a video that can be read" in message(path)
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP"):
        Image.new("RGB", (64, 48)).save(path, kind)
        assert "is a picture" in message(path)
    (tmp_path / "folder.mp4").mkdir()
    assert "no video file" in message(tmp_path / "folder.mp4")


@pytest.mark.parametrize("name", ["sound.m4a", "sound.mp4", "sound.mp3", "sound.wav", "sound.mkv"])
def test_sound_alone(tmp_path, name):
    codec = {"sound.mp3": "libmp3lame", "sound.wav": "pcm_s16le"}.get(name, "aac")
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4410), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        for part in av.AudioResampler(stream.format, stream.layout, 44100).resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    assert "no pictures" in message(tmp_path / name)


@pytest.mark.parametrize("name", ["a.avi", "a.mkv", "a.mp4"])
def test_a_video_without_frames(tmp_path, name):
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    assert message(tmp_path / name)


def test_other_files_are_never_opened(tmp_path):
    encode(tmp_path / "secret.mp4")
    encode(tmp_path / "secret.ts")
    url = (tmp_path / "secret.ts").as_uri()
    for name in ("list.avi", "list.m3u8", "list.mp4", "list.ffconcat"):
        path = tmp_path / name
        path.write_text("ffconcat version 1.0\nfile 'secret.mp4'\nduration 1\n", encoding="utf-8")
        assert "not a video that can be read" in message(path)
        for target in ("secret.ts", str(tmp_path / "secret.ts"), url, "concat:secret.ts"):
            path.write_text(
                f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n", encoding="utf-8"
            )
            assert "not a video that can be read" in message(path)


def test_16k_is_refused_before_decoding(tmp_path):
    gif = tmp_path / "a.gif"
    Image.new("P", (64, 48)).save(gif, save_all=True, append_images=[Image.new("P", (64, 48), 1)])
    data = bytearray(gif.read_bytes())
    data[6:10] = np.array([16384, 16384], "<u2").tobytes()
    gif.write_bytes(data)
    assert "above the limit of 8K" in message(gif)
    avi = encode(tmp_path / "a.avi", codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(avi.read_bytes())
    at = data.index(b"strf") + 12
    data[at : at + 8] = np.array([16384, 16384], "<i4").tobytes()
    for marker in [i for i in range(len(data) - 1) if data[i : i + 2] == b"\xff\xc0"]:
        data[marker + 5 : marker + 9] = np.array([16384, 16384], ">u2").tobytes()
    avi.write_bytes(data)
    assert "above the limit of 8K" in message(avi)


def test_limits_on_bytes_seconds_and_memory(tmp_path, monkeypatch):
    path = encode(tmp_path / "a.mp4", 30, fps=10)
    assert len(video.read(path, fps=100, start=0, frames=99)) == 99
    monkeypatch.setattr(limits, "MAX_SECONDS", 1)
    for call in (video.probe, lambda p: video.to_browser_mp4(p, tmp_path / "b.mp4")):
        with pytest.raises(VideoError, match="longer than the limit of 1 s"):
            call(path)
    monkeypatch.setattr(limits, "MAX_FRAMES", 7)
    assert len(video.read(path)) == 7
    monkeypatch.setattr(limits, "MAX_READ_BYTES", 3 * 48 * 64 * 3)
    assert len(video.read(path, frames=3)) == 3
    with pytest.raises(VideoError, match="RAM"):
        video.read(path)
    monkeypatch.setattr(limits, "MAX_PIXELS", 64 * 48 - 1)
    assert "64×48 pixels" in message(path)
    monkeypatch.setattr(limits, "MAX_UPLOAD_BYTES", 1000)
    assert "cut a shorter piece" in message(path)


@pytest.mark.parametrize(
    "arguments", [{"fps": 0}, {"fps": float("nan")}, {"start": -1}, {"frames": 0}, {"size": (0, 9)}]
)
def test_settings_out_of_range(tmp_path, arguments):
    with pytest.raises(VideoError):
        video.read(encode(tmp_path / "a.mp4", 2), **arguments)


def test_the_limits_can_be_read_out():
    assert "2 minutes" in limits.describe() and "200 MB" in limits.describe() and "7680×4320" in limits.describe()


DAMAGEABLE = {
    "a.avi": {"codec": "mpeg4"},
    "b.mkv": {},
    "c.mp4": {"container": {"movflags": "+faststart"}},
    "d.webm": {"codec": "libvpx", "deadline": "realtime"},
    "e.ts": {},
    "f.gif": {"codec": "gif", "pix_fmt": "rgb8"},
}


@pytest.mark.parametrize("name", DAMAGEABLE)
def test_a_file_cut_short_gives_what_is_there(tmp_path, name):
    options = {"bf": 0, "g": 5} if name not in ("d.webm", "f.gif") else {}
    whole = encode(tmp_path / name, 40, size=(64, 96), **DAMAGEABLE[name], **options).read_bytes()
    counts = []
    for share in (0.99, 0.9, 0.8, 0.7):
        (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
        found = indices(video.read(tmp_path / name, fps=25), 40)
        assert found == sorted(found) and found[0] == 0
        assert video.probe(tmp_path / name).seconds <= 1.61
        counts.append(len(found))
    assert counts == sorted(counts, reverse=True)
    for size in (1, 4, 11, 40, 200):
        (tmp_path / name).write_bytes(whole[:size])
        try:
            assert len(video.read(tmp_path / name)) >= 1
        except VideoError:
            continue


def test_an_mp4_without_its_end_says_so(tmp_path):
    path = encode(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:-500])
    assert "not complete" in message(path)


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.mp4"])
def test_damaged_frames_are_left_out(tmp_path, name):
    path = encode(tmp_path / name, 30, g=1)
    data = path.read_bytes()
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0)]
    for packet in packets[10:13]:
        assert data.count(packet) == 1
        data = data.replace(packet, bytes(len(packet)))
    path.write_bytes(data)
    found = indices(video.read(path, fps=25), 30)
    assert len(found) == 30
    assert found[:10] == list(range(10)) and found[13:] == list(range(13, 30))
    assert set(found[10:13]) == {9}


@pytest.mark.parametrize("name", DAMAGEABLE)
def test_random_damage_never_raises_anything_else(tmp_path, name):
    whole = encode(tmp_path / name, 12, **DAMAGEABLE[name]).read_bytes()
    random = np.random.default_rng(7)
    for count in [1, 3, 10, 40, 200] * 5:
        data = np.frombuffer(whole, np.uint8).copy()
        data[random.integers(0, len(data), count)] = random.integers(0, 256, count)
        (tmp_path / name).write_bytes(data.tobytes())
        for call in (video.probe, lambda p: video.read(p, start=0.2, size=(24, 32))):
            try:
                call(tmp_path / name)
            except VideoError as error:
                assert len(str(error)) > 20


# Writing ------------------------------------------------------------------------------------------------------


@pytest.fixture
def ramp():
    return np.repeat(np.arange(12, dtype=np.uint8) * STEP, 33 * 47 * 3).reshape(12, 33, 47, 3)


def test_write_mp4_pads_odd_sides(tmp_path, ramp):
    path = video.write_mp4(tmp_path / "a.mp4", ramp, fps=15)
    info = video.probe(path)
    assert (info.height, info.width, info.frames) == (34, 48, 12)
    assert info.fps == pytest.approx(15) and info.seconds == pytest.approx(0.8)
    assert indices(video.read(path, fps=15)) == list(range(12))
    assert video.probe(video.write_mp4(path, ramp[:, :, :, ::-1], fps=7.5)).fps == 7.5
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # plays before all of it has arrived
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_write_gif_keeps_time(tmp_path, ramp):
    path = video.write_gif(tmp_path / "a.gif", ramp, fps=15)
    assert video.probe(path).seconds == pytest.approx(0.8)
    assert indices(video.read(path, fps=15)) == list(range(12))
    assert Image.open(path).info["loop"] == 0


@pytest.mark.parametrize("use", ["read", "write_mp4"])
def test_messages_of_ffmpeg_stay_out_of_python(tmp_path, ramp, use):
    """A decoder that is closed while one of its threads is logging would stop the whole process."""
    path = tmp_path / "clip.mp4"
    video.write_mp4(path, ramp, fps=10)
    try:
        av.logging.set_level(av.logging.ERROR)  # as torchvision 0.23 does on import
        video.read(path) if use == "read" else video.write_mp4(path, ramp, fps=10)
        assert av.logging.get_level() is None
    finally:
        av.logging.set_level(None)


@pytest.mark.parametrize(
    "frames", [np.zeros((0, 8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3))]
)
def test_writing_no_frames(tmp_path, frames):
    for write in (video.write_mp4, video.write_gif):
        with pytest.raises(VideoError, match="uint8"):
            write(tmp_path / "a", frames, 10)
    assert not list(tmp_path.iterdir())


def test_without_h264_the_message_says_what_to_do(tmp_path, ramp, monkeypatch):
    def missing(name, mode):
        raise ValueError(name)

    monkeypatch.setattr(av, "Codec", missing)
    with pytest.raises(VideoError, match="pip install av"):
        video.write_mp4(tmp_path / "a.mp4", ramp, 10)
    assert not list(tmp_path.iterdir())


# UCF101 -------------------------------------------------------------------------------------------------------


@pytest.mark.ucf101
def test_ucf101_originals(ucf101, tmp_path):
    clips = sorted((ucf101 / "original").glob("*/*.avi"))
    assert len(clips) == 12
    for path in clips:
        info = video.probe(path)
        assert (info.width, info.height, info.codec) == (320, 240, "mpeg4")
        assert not video.browser_playable(path)
        with av.open(str(path)) as container:  # every decoded frame is there, once and in order: packed B-frames too
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        frames = video.read(path, fps=info.fps)
        assert len(frames) == info.frames == len(decoded)
        assert all(np.abs(a.astype(int) - b).mean() < 1 for a, b in zip(frames, decoded, strict=True))
        late = video.read(path, fps=10, start=1.5, frames=3, size=(64, 96))
        assert np.array_equal(late, video.read(path, fps=10, size=(64, 96))[15:18])
    out = video.to_browser_mp4(clips[0], tmp_path / "out.mp4")
    assert video.browser_playable(out)
    before, after = video.read(clips[0], fps=10), video.read(out, fps=10)
    assert before.shape == after.shape
    assert np.mean((before.astype(float) - after) ** 2) < 65  # 30 dB


@pytest.mark.ucf101
def test_ucf101_av1_clips(ucf101):
    clips = sorted((ucf101 / "videos").glob("*/*.mp4"))[::300]
    assert clips
    for path in clips:
        info = video.probe(path)
        assert (info.width, info.height, info.codec) == (160, 128, "av1")
        frames = video.read(path, fps=10, size=(64, 96))
        assert len(frames) == np.ceil(info.seconds * 10 - 0.01)
        assert np.array_equal(video.read(path, fps=10, start=1.2, frames=1, size=(64, 96))[0], frames[12])


def test_a_window_is_decoded_once_until_its_file_changes(tmp_path, moving, write_video, monkeypatch):
    from vp.video import window_cache

    read, decoded = window_cache.read, []
    monkeypatch.setattr(window_cache, "read", lambda *window: decoded.append(window) or read(*window))
    monkeypatch.setattr(window_cache, "_windows", type(window_cache._windows)())
    path = write_video(tmp_path / "clip.mp4", moving(20, 48, 64))
    first = read_again(path, 10, 0.0, 4)
    assert np.array_equal(first, read(path, fps=10, start=0.0, frames=4)) and not first.flags.writeable
    assert read_again(path, 10, 0.0, 4) is first and len(decoded) == 1
    assert len(read_again(path, 10, 0.2, 4)) == len(read_again(path, 5, 0.0, 3)) + 1 and len(decoded) == 3
    monkeypatch.setattr(window_cache, "KEPT", first.nbytes)  # room for one
    read_again(path, 10, 0.4, 4)
    assert len(window_cache._windows) == 1
    write_video(path, moving(21, 48, 64, seed=1))
    assert not np.array_equal(read_again(path, 10, 0.0, 4), first)
    with pytest.raises(VideoError):
        read_again(tmp_path / "gone.mp4", 10, 0.0, 4)
