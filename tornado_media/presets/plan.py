"""A plan: what one request wants done, frozen. Third station: the source is open, nothing runs yet.

A plan holds everything that a job needs and nothing that it must still decide. Two requests with the
same key want the same bytes, so they may share one job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

Command = tuple[str, ...]
"""A program's name, as the preset spells it, and its arguments."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of an open source without reading more than its first bytes.

    Args:
        path: where it is in URLs: absolute, decoded, `/holiday/1.jpg`.
        media_type: by its content, `image/jpeg`.
        absolute_path: where it is on this machine, for programs that must open it by name.
        size: bytes.
        mtime_ns: modification time, nanoseconds since 1970.
        inode: the file's number on its device.
        device: the device's number.
        alpha: a picture that may have transparency, by its first bytes.
        animated: a picture that says in its first bytes that it has several frames, or may have.
    """

    path: str
    media_type: str
    absolute_path: str
    size: int
    mtime_ns: int
    inode: int
    device: int = 0
    alpha: bool = False
    animated: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may take. Times in seconds, sizes in bytes; None means no limit.

    Args:
        first_byte: from the start of the programs to the first byte of the result.
        idle: between two blocks, while we wait for the program (a slow client does not count).
        total: the whole run.
        output: bytes of the result.
        memory: bytes of data each process may hold (RLIMIT_DATA).
        cpu: processor seconds each process may use (RLIMIT_CPU).
        pixels: width times height of a source picture, checked before it is decoded.
        frames: of an animation that are used; the others are left out.
        output_pixels: width times height of a picture that is made.
        input: bytes of a request's body that is the source.
    """

    first_byte: float = 10.0
    idle: float = 30.0
    total: float = 60.0
    output: int = 64 * 1024 * 1024
    memory: int | None = None
    cpu: int | None = None
    pixels: int = 50_000_000
    frames: int = 250
    output_pixels: int = 25_000_000
    input: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Original:
    """The source's own bytes: no job at all."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by pipes; the last one's stdout is the result.

    Args:
        commands: in order; each command's first item is the absolute path of its program.
        source_on_stdin: the first command reads the source from its stdin, else from /dev/null.
        otherwise: commands that are run instead where these fail before their first byte.
    """

    commands: tuple[Command, ...]
    source_on_stdin: bool = False
    otherwise: tuple[Command, ...] | None = None


@dataclass(frozen=True, slots=True)
class EngineCall:
    """A function of `tornado_media.engines`, run in a worker process with the source's descriptor.

    Args:
        engine: its name, `thumbnail`.
        arguments: keyword arguments, values that JSON can carry.
        others: further sources by the argument that they are, such as `watermark`; their descriptors go with
            the call, in this order.
    """

    engine: str
    arguments: Mapping[str, object]
    others: Mapping[str, SourceFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is known already, such as a playlist: no job at all.

    Args:
        content: the text.
    """

    content: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a run: programs that make one fragment after the other, from any of them on.

    Args:
        run: 32 hexadecimal digits; the segments of one run have the same.
        number: from 0; None for the initialization segment.
        count: how many there are.
        seconds: how long each of them lasts, but for the last one.
        pipeline: the programs that begin with a segment, by its number.
    """

    run: str
    number: int | None
    count: int
    seconds: float
    pipeline: Callable[[int], Pipeline]


Work = Original | Pipeline | EngineCall | Text | Segment


@dataclass(frozen=True, slots=True)
class Plan:
    """What one request wants done.

    Args:
        preset: the preset's name.
        source: what it is made of.
        work: what is to run.
        media_type: of the result.
        limits: of the job.
        streams: headers go out at the first block; else the result is collected first, up to a bound.
        cache: the result may be kept and shared.
        cache_control: the response's Cache-Control.
        key: 32 hexadecimal digits: a digest of source identity, preset definition and parameters.
        vary: names of the fields of the request that were looked at: the response's Vary.
    """

    preset: str
    source: SourceFacts
    work: Work
    media_type: str
    limits: Limits
    streams: bool
    cache: bool
    cache_control: str
    key: str
    vary: tuple[str, ...] = ()

    def of_segment(self, number: int | None) -> Plan:
        """The plan of another segment of the same run.

        Args:
            number: from 0; None for the initialization segment.
        """
        if not isinstance(self.work, Segment):
            raise TypeError(f"not a plan of a segment: {self.work!r}")
        work = replace(self.work, number=number)
        return replace(self, work=work, key=segment_key(work.run, number))

    @property
    def sources(self) -> tuple[SourceFacts, ...]:
        """All that it is made of; the source first."""
        others = self.work.others.values() if isinstance(self.work, EngineCall) else ()
        return (self.source, *others)


def segment_key(run: str, number: int | None) -> str:
    """The key of the plan of a segment.

    Args:
        run: of `Segment`.
        number: of `Segment`.
    """
    return blake2b(f"{run} {number}".encode(), digest_size=16).hexdigest()
