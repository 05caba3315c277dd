"""What is done to a film, and the sentence that says why: tables."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.errors import BadRequest
from tornado_media.formats.decide import decide, playback, usual_sound
from tornado_media.formats.facts import AudioStream, SyncSamples, VideoFacts, VideoStream

MP4 = ("mov", "mp4", "m4a", "3gp", "3g2", "mj2")
MATROSKA = ("matroska", "webm")
SYNC = SyncSamples((0.0, 2.0, 4.0), (100, 100, 100))
H264 = VideoStream(
    0,
    "h264",
    "avc1.640028",
    width=1920,
    height=1080,
    pixel_format="yuv420p",
    duration=6.0,
    sync_samples=SYNC,
)
AAC = AudioStream(1, "aac", "mp4a.40.2", channels=2, duration=6.0)


def film(video=H264, *audio, demuxers=MP4, **more):
    audio = audio or (AAC,)
    return VideoFacts(duration=6.0, demuxers=demuxers, video=video, audio=audio, **more)


def picture(**changes):
    return film(replace(H264, **changes), demuxers=MATROSKA)


def sound(**changes):
    return film(H264, replace(AAC, **changes), demuxers=MATROSKA)


PLAYS = "The client plays the file as it is."
LATE = "It begins after the film, which not every player of HLS heeds."
NOT_OPENED = "Browsers do not open this kind of file."


@pytest.mark.parametrize(
    ("facts", "how", "why"),
    [
        (film(), "original", PLAYS),
        (film(None), "original", PLAYS),
        (film(None, demuxers=("aac",)), "original", PLAYS),
        (film(stated_duration=6.5), "original", PLAYS),
        (film(stated_duration=8.0), "remux", "It does not last as long as it says."),
        (film(start_time=0.1), "original", PLAYS),
        (film(start_time=-3.0), "remux", "Its times do not begin at 0, which a browser would show."),
        (film(demuxers=MATROSKA, media_type="video/x-matroska"), "remux", NOT_OPENED),
        (film(demuxers=("mpegts",)), "remux", NOT_OPENED),
        (film(demuxers=("avi",)), "remux", NOT_OPENED),
        (
            film(H264, AAC, replace(AAC, index=2)),
            "remux",
            "There are several sounds, and browsers play only the first.",
        ),
        (film(replace(H264, codec="mpeg4")), "transcode", "MPEG-4 Part 2 cannot be in fragmented MP4."),
        (film(H264, replace(AAC, codec="dts", codecs=None)), "transcode", "DTS cannot be in fragmented MP4."),
        (
            film(replace(H264, codec="hevc", codecs="hvc1.1.6.L93.90")),
            "transcode",
            "The client does not play HEVC.",
        ),
        (VideoFacts(), "none", "There is neither a picture nor a sound to play."),
    ],
)
def test_a_film(facts, how, why):
    decision = decide(facts)
    assert (decision.how, decision.why) == (how, why)


def test_the_file_itself_may_have_what_fragments_may_not():
    for changes in ({"rotation": 90}, {"sync_samples": None}):
        decision = decide(film(replace(H264, **changes)))
        assert decision.how == "original"
        assert not decision.video.copy


@pytest.mark.parametrize(
    ("facts", "play", "how"),
    [
        (
            film(
                replace(H264, codec="vp9", codecs="vp09.00.40.08"), replace(AAC, codec="opus", codecs="opus")
            ),
            "vp9,opus",
            1,
        ),
        (
            film(replace(H264, codec="vp8", codecs="vp8"), replace(AAC, codec="vorbis", codecs="vorbis")),
            "vp8,vorbis",
            1,
        ),
        (film(replace(H264, codec="vp9", codecs="vp09.00.40.08")), "vp9,aac", 0),  # no AAC in WebM
        (film(H264, replace(AAC, codec="opus", codecs="opus")), "h264,opus", 0),  # no H.264 in WebM
        (
            film(
                replace(H264, codec="vp9", codecs="vp09.00.40.08"), replace(AAC, codec="opus", codecs="opus")
            ),
            "vp9",
            0,
        ),
    ],
)
def test_webm(facts, play, how):
    facts = replace(facts, demuxers=MATROSKA, media_type="video/webm")
    assert (decide(facts, frozenset(play.split(","))).how == "original") == bool(how)
    assert decide(replace(facts, media_type="video/x-matroska"), frozenset(play.split(","))).how != "original"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (picture(), None),
        (picture(pixel_format="yuvj420p"), None),
        (picture(codec="mpeg2video"), "MPEG-2 cannot be in fragmented MP4."),
        (picture(codec="wmv3"), "WMV3 cannot be in fragmented MP4."),
        (picture(codec=None), "THIS CODEC cannot be in fragmented MP4."),
        (picture(codecs=None), "Nothing in the file says which H.264 this is."),
        (picture(pixel_format="yuv422p"), "Browsers do not decode H.264 in yuv422p."),
        (picture(pixel_format="yuv420p10le"), "Browsers do not decode H.264 in yuv420p10le."),
        (picture(interlaced=True), "It is interlaced, which browsers show as combs."),
        (picture(hdr="dolby_vision"), "Its colours are those of Dolby Vision, which few screens know."),
        (picture(rotation=90), "It is turned, which not every player does with fragments."),
        (picture(sync_samples=None), "It has no index, so it cannot be cut."),
        (picture(sync_samples=SyncSamples((), ())), "It has no index, so it cannot be cut."),
        (
            picture(sync_samples=SyncSamples((0.7, 2.0), (1, 1))),
            "Its first frames need others that are not there.",
        ),
        (picture(start=0.1, sync_samples=SyncSamples((0.1, 2.0), (1, 1))), None),
        (picture(start=0.7, sync_samples=SyncSamples((0.7, 2.0), (1, 1))), LATE),
        (picture(sync_samples=SyncSamples((-0.5, 2.0), (1, 1))), "It begins before the film."),
        (picture(duration=30.0), "It can be cut only every 26 s."),
        (picture(sync_samples=SyncSamples((0.0, 10.5, 12.0), (1, 1, 1))), "It can be cut only every 10 s."),
    ],
)
def test_a_picture(facts, why):
    choice = decide(facts).video
    assert choice.copy is (why is None)
    assert choice.why == (why or "The client plays H.264.")


@pytest.mark.parametrize(
    ("changes", "whole"),
    [({}, True), ({"sync_samples": None}, True), ({"duration": 90.0}, True), ({"interlaced": True}, False)],
)
def test_what_cannot_be_cut_may_be_copied_in_one_piece(changes, whole):
    assert decide(picture(**changes)).video.whole is whole


@pytest.mark.parametrize(
    ("facts", "play", "why"),
    [
        (sound(), "aac", None),
        (sound(codecs="mp4a.40.5"), "aac", None),
        (sound(codecs="mp4a.40.29"), "aac", None),
        (sound(codecs="mp4a.40.1"), "aac", "Browsers do not decode this kind of AAC."),
        (sound(codecs=None), "aac", "Nothing in the file says which AAC this is."),
        (sound(channels=8), "aac", None),
        (sound(channels=16), "aac", "It has more than 8 channels."),
        (sound(start=0.1), "aac", None),
        (sound(start=1.0), "aac", LATE),
        (sound(codec="ac3", codecs="ac-3"), "aac", "The client does not play AC-3."),
        (sound(codec="ac3", codecs="ac-3"), "aac,ac3", None),
        (sound(codec="pcm_s16le", codecs=None), "aac", "PCM_S16LE cannot be in fragmented MP4."),
    ],
)
def test_a_sound(facts, play, why):
    (choice,) = decide(facts, frozenset(play.split(","))).audio
    assert choice.copy is (why is None)
    if why is not None:
        assert choice.why == why


@pytest.mark.parametrize(
    ("codec", "pixels", "fits"),
    [
        ("hevc", "yuv420p10le", True),
        ("av1", "yuv420p10le", True),
        ("av1", "gray", True),
        ("vp9", "yuv420p10le", False),
        ("hevc", "yuv444p", False),
    ],
)
def test_ten_bits(codec, pixels, fits):
    facts = picture(codec=codec, codecs="something", pixel_format=pixels)
    assert decide(facts, frozenset({codec, "aac"})).video.copy is fits


THREE = film(
    H264,
    replace(AAC, language="ger"),
    replace(AAC, index=2, language="eng", default=True),
    replace(AAC, index=5, codec="ac3", codecs="ac-3", language="en-GB"),
)


@pytest.mark.parametrize(
    ("audio", "index"),
    [("on", 2), ("off", None), ("1", 1), ("5", 5), ("de", 1), ("deu", 1), ("ger", 1), ("en", 2), ("eng", 2)],
)
def test_which_sound(audio, index):
    decision = decide(THREE, audio=audio)
    assert decision.usual_audio == index
    assert (None if decision.sound is None else decision.sound.index) == index
    assert len(decision.audio) == 3


@pytest.mark.parametrize("audio", ["3", "fr", "0"])
def test_a_sound_that_is_not_there(audio):
    with pytest.raises(BadRequest, match=r"there are 1 \(ger\), 2 \(eng\), 5 \(en-GB\)"):
        usual_sound(THREE, audio)
    with pytest.raises(BadRequest, match="there are none"):
        usual_sound(VideoFacts(), audio)


def test_the_first_sound_where_none_is_the_usual_one():
    assert usual_sound(film(H264, AAC, replace(AAC, index=2))).index == 1
    assert usual_sound(VideoFacts()) is None


def test_a_film_whose_sound_is_not_wanted():
    decision = decide(film(), audio="off")
    assert (decision.how, decision.why) == ("remux", "No sound is wanted, and the file has one.")
    assert decide(film(H264, demuxers=MATROSKA), audio="off").how == "remux"
    assert decide(VideoFacts(audio=(AAC,)), audio="off").how == "none"


def test_all_reasons_are_told():
    facts = film(replace(H264, codec="mpeg4"), replace(AAC, codec="wmav2"))
    assert (
        decide(facts).why == "MPEG-4 Part 2 cannot be in fragmented MP4. WMAV2 cannot be in fragmented MP4."
    )


INFO = {
    "container": "matroska,webm",
    "media_type": "video/x-matroska",
    "duration": 6.0,
    "streams": [
        {
            "index": 0,
            "type": "video",
            "codec": "h264",
            "codecs": "avc1.640028",
            "pixel_format": "yuv420p",
            "duration": 6.0,
            "sync_samples": {"times": [0.0, 2.0], "bytes": [1, 1]},
        },
        {"index": 1, "type": "audio", "codec": "ac3", "codecs": "ac-3"},
        {"index": 2, "type": "audio", "codec": "aac", "codecs": "mp4a.40.2", "default": True},
        {"index": 3, "type": "subtitle", "codec": "subrip", "text": True},
        {"index": 4, "type": "subtitle", "codec": "hdmv_pgs_subtitle", "text": False},
        {"index": 5, "type": "video", "codec": "png", "attached_picture": True},
        {"index": 6, "type": "video", "codec": "h264"},
        {"index": 7, "type": "audio", "codec": "magic", "decoded": False},
        {"index": 8, "type": "data"},
    ],
}


def test_playback_of_all_streams():
    assert playback(INFO) == {
        "how": "remux",
        "why": NOT_OPENED,
        "streams": [
            {"index": 0, "how": "copy", "why": "The client plays H.264."},
            {"index": 1, "how": "transcode", "why": "The client does not play AC-3."},
            {"index": 2, "how": "copy", "why": "The client plays AAC."},
            {"index": 3, "how": "transcode", "why": "It becomes WebVTT."},
            {"index": 4, "how": "leave out", "why": "These subtitles are pictures, not text."},
            {"index": 5, "how": "leave out", "why": "It is a cover."},
            {"index": 6, "how": "leave out", "why": "Only the first picture is used."},
            {"index": 7, "how": "leave out", "why": "It is of a kind that is not decoded here."},
            {"index": 8, "how": "leave out", "why": "It is no media."},
        ],
    }


def test_playback_of_an_original():
    video = INFO["streams"][0] | {"sync_samples": None}
    told = playback(INFO | {"container": "mov,mp4", "media_type": "video/mp4", "streams": [video]})
    assert told == {
        "how": "original",
        "why": PLAYS,
        "streams": [{"index": 0, "how": "copy", "why": PLAYS}],
    }


def test_playback_of_what_is_not_the_probes():
    with pytest.raises(ValueError, match="duration"):
        playback({"duration": "long"})


@given(
    st.builds(
        VideoStream,
        index=st.just(0),
        codec=st.none() | st.sampled_from(["h264", "hevc", "av1", "vp8", "vp9", "mpeg4"]),
        codecs=st.none() | st.just("x"),
        pixel_format=st.none() | st.sampled_from(["yuv420p", "yuv444p"]),
        interlaced=st.booleans(),
        rotation=st.sampled_from([0, 90]),
        hdr=st.none() | st.sampled_from(["pq", "dolby_vision"]),
        duration=st.none() | st.floats(0, 100),
        sync_samples=st.none()
        | st.lists(st.floats(-1, 100), max_size=4).map(
            lambda t: SyncSamples(tuple(sorted(t)), (1,) * len(t))
        ),
    ),
    st.sets(st.sampled_from(["h264", "hevc", "av1", "vp8", "vp9", "aac"])),
    st.sampled_from([MP4, MATROSKA, ("avi",)]),
)
def test_any_picture_is_decided_with_a_sentence(video, play, demuxers):
    decision = decide(film(video, demuxers=demuxers), frozenset(play))
    for sentence in (decision.why, decision.video.why):
        assert sentence.endswith(".")
        assert "{" not in sentence
    assert decision.video.whole >= decision.video.copy
    if decision.how in ("original", "remux"):
        assert video.codec in play
    if decision.how == "remux":
        assert decision.video.copy
