"""A film of 21 s that can be copied, for `runpy.run_path`: SOUND, PICTURE, FILM."""

from fractions import Fraction

from tornado_media.formats.facts import AudioStream, SyncSamples, VideoFacts, VideoStream

SOUND = AudioStream(1, "aac", "mp4a.40.2", channels=2, sample_rate=48_000, duration=21.0)
PICTURE = VideoStream(
    0,
    "h264",
    "avc1.640028",
    width=1280,
    height=720,
    coded_width=1280,
    coded_height=720,
    frame_rate=Fraction(25),
    pixel_format="yuv420p",
    duration=21.0,
    sync_samples=SyncSamples((0.0, 1.0, 3.0, 8.0, 9.0, 12.0), (100, 200, 500, 100, 300, 900)),
)
FILM = VideoFacts(
    duration=21.0,
    width=1280,
    height=720,
    frame_rate=Fraction(25),
    demuxers=("matroska", "webm"),
    video=PICTURE,
    audio=(SOUND,),
    media_type="video/x-matroska",
)
