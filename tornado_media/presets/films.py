"""The planners of films: what is known of one and what is asked, to the work that makes it.

What ffmpeg is told is the knowledge of `formats.transcode`, and what a film is offered as that of
`formats.renditions`; here the values of parameters are read for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tornado_media.errors import BadRequest, SourceUnusable
from tornado_media.formats import renditions, tracks, transcode, variants
from tornado_media.formats.decide import decide, played
from tornado_media.formats.encoders import ENCODERS, SOFTWARE
from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.tools import Tools
from tornado_media.presets.parameter import Size, SourcePath, Value
from tornado_media.presets.plan import Command, EngineCall, Pipeline, Segment, SourceFacts, Text, Work

HEIGHT = 720
"""Lines of a video that is encoded, whose URL does not say how many."""

_Values = Mapping[str, Value]


def multivariant(source: SourceFacts, values: _Values, facts: VideoFacts, tools: Tools) -> Work:
    """The multivariant playlist of HLS."""
    return Text(variants.main_playlist(facts, _play(values), str(values.get("audio", "on"))))


def playlist(source: SourceFacts, values: _Values, facts: VideoFacts, tools: Tools) -> Work:
    """The media playlist of one rendition."""
    return Text(renditions.playlist(facts, *_rendition(values)))


def segment(source: SourceFacts, values: _Values, facts: VideoFacts, tools: Tools) -> Work:
    """One segment of a rendition, or its initialization segment."""
    height, stream, copy = _rendition(values)
    number = _integer(values, "number")
    if height is not None:
        return _encoded(source, facts, height, number, tools)
    picture = facts.video
    if picture is not None and stream == picture.index and copy:
        cuts = renditions.copied(facts)
        renditions.check_number(number, len(cuts))
        cut = cuts[number or 0]
        return _cut(stream, True, number, cut.begin, cut.end if cut is not cuts[-1] else None)
    sound = renditions.sound_of(facts, stream)
    spans = renditions.copied_sound(sound, facts) if copy else renditions.encoded_sound(sound, facts)
    renditions.check_number(number, spans.count)
    begin, end = map(float, spans.span(number or 0))
    return _cut(sound.index, copy, number, begin, None if copy and number == spans.count - 1 else end)


def mp4(source: SourceFacts, values: _Values, facts: VideoFacts, tools: Tools) -> Work:
    """A film in one piece: streams that the client can play are copied, where nothing speaks against it."""
    asked, bitrate = _integer(values, "height"), _integer(values, "video_bitrate")
    start = _number(values.get("start", 0.0))
    decision = decide(facts, _play(values), str(values.get("audio", "on")))
    own = asked is None or (facts.height is not None and asked >= facts.height)
    # A copy begins at a sync sample only: what is seen at another time must be encoded.
    copy_video = decision.video is not None and decision.video.copy and own and bitrate is None and start == 0
    sound = decision.sound

    def commands(known: Tools) -> tuple[Command, ...]:
        return transcode.mp4(
            source.absolute_path,
            facts,
            start=start,
            height=asked or HEIGHT,
            video_bitrate=bitrate,
            audio=False if sound is None else sound.index,
            copy_video=copy_video,
            copy_audio=sound is not None and sound.copy and start == 0,
            tools=known,
            media_type=source.media_type,
        )

    return Pipeline(commands(tools)) if copy_video else _encoding(commands, tools)


def audio(source: SourceFacts, values: _Values, facts: VideoFacts, tools: Tools) -> Work:
    """The sound of a film or of a recording alone."""
    in_mp4 = values.get("format", "mp4") == "mp4"
    play = frozenset({"aac"} if in_mp4 else {"opus"})
    decision = decide(facts, play, str(values.get("audio", "on")))
    if decision.sound is None:
        raise SourceUnusable("There is no sound in this source.")
    commands = tracks.audio_only(
        source.absolute_path,
        facts,
        stream=decision.sound.index,
        format="m4a" if in_mp4 else "opus",
        copy=decision.sound.copy and "bit_rate" not in values,
        bit_rate=_integer(values, "bit_rate") or 128,
        media_type=source.media_type,
    )
    return Pipeline(commands)


def subtitles(source: SourceFacts, values: _Values, facts: VideoFacts, tools: Tools) -> Work:
    """The text of a subtitle stream as WebVTT."""
    texts = [each.index for each in facts.subtitles if each.text]
    wanted = _integer(values, "stream")
    if not texts:
        raise SourceUnusable("There are no subtitles in this source that are text.")
    stream = texts[0] if wanted is None else wanted
    if stream not in texts:
        known = ", ".join(map(str, texts))
        raise BadRequest(f"stream={stream} is no subtitles that are text; there are {known}.")
    return Pipeline(
        tracks.subtitles(source.absolute_path, facts, stream=stream, media_type=source.media_type)
    )


def _encoded(source: SourceFacts, facts: VideoFacts, height: int, number: int | None, tools: Tools) -> Work:
    renditions.rung_of(facts, height)
    lines = renditions.grid(facts)
    renditions.check_number(number, lines.count)

    def pipeline(first: int) -> Pipeline:
        def commands(known: Tools) -> tuple[Command, ...]:
            run = transcode.grid_run(
                source.absolute_path,
                facts,
                lines,
                height=height,
                first=first,
                tools=known,
                media_type=source.media_type,
            )
            return (run,)

        return _encoding(commands, tools)

    return Segment("", number, lines.count, float(lines.length(0)), pipeline)


def _encoding(commands: Callable[[Tools], tuple[Command, ...]], tools: Tools) -> Pipeline:
    """Commands that encode a picture; where hardware does, software is the second way."""
    if ENCODERS[tools.encoder].software:
        return Pipeline(commands(tools))
    return Pipeline(commands(tools), otherwise=commands(replace(tools, encoder=SOFTWARE)))


def _cut(stream: int, copy: bool, number: int | None, begin: float, end: float | None) -> EngineCall:
    arguments = {"stream": stream, "copy": copy, "number": number, "begin": begin, "end": end}
    return EngineCall("segment", arguments)


def _rendition(values: _Values) -> tuple[int | None, int | None, bool]:
    return _integer(values, "height"), _integer(values, "stream"), bool(values.get("copy", False))


def _play(values: _Values) -> frozenset[str]:
    words = values.get("play")
    return played(None if words is None else str(words))


def _integer(values: _Values, name: str) -> int | None:
    value = values.get(name)
    return None if value is None else int(_number(value))


def _number(value: Value) -> float:
    # The types of a preset's parameters are checked against `takes` when the server starts.
    if isinstance(value, str | Size | SourcePath):
        raise TypeError(f"not a number: {value!r}")
    return value
