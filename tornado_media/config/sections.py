"""The sections of a configuration: names, types, defaults. `docs/configuration.md` says what each is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tornado_media.formats.encoders import ENCODERS
from tornado_media.formats.qualities import SLOW_PIXELS
from tornado_media.jobs.slots import STREAMS_PER_JOB, default_jobs
from tornado_media.presets.preset import PresetLimits, check_media_range, read_bytes

_SHORTEST_KEY = 16

DEFAULT_PRESETS: Mapping[str, str] = {"image/*": "thumbnail", "video/*": "poster"}
"""What `?size=300x200` without a preset means."""


_Positive = Annotated[float, Field(gt=0.0)]
_Part = Annotated[float, Field(ge=0.0, le=1.0)]
_Bytes = Annotated[int, BeforeValidator(read_bytes), Field(ge=0)]


def _streams(keys: dict[str, int]) -> int:
    return STREAMS_PER_JOB * keys.get("jobs", 1)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Server(_Section):
    """`[server]`.

    Args:
        address: to listen on.
        port: 0 takes a free one.
        workers: processes for engines; left out, one for each processor.
        worker_calls: calls after which a worker is replaced.
        worker_memory: bytes that a worker may have in memory at rest; one with more is replaced.
        drain: seconds that running requests have when the server stops.
        idle_timeout: seconds that a connection may wait for its next request.
        write_timeout: seconds that a client may take nothing of a response.
    """

    address: str = "127.0.0.1"
    port: int = Field(default=8888, ge=0, le=65535)
    workers: int = Field(default_factory=default_jobs, ge=1)
    worker_calls: int = Field(default=2000, ge=1)
    worker_memory: Annotated[_Bytes, Field(gt=0)] = 256 * 1024**2
    drain: float = Field(default=10.0, ge=0.0)
    idle_timeout: _Positive = 60.0
    write_timeout: _Positive = 300.0


class Slots(_Section):
    """`[slots]`.

    Args:
        jobs: that complete and may run at once; left out, one for each processor.
        streams: that may run at once; left out, four times `jobs`.
        queue: jobs of each kind that may wait.
        wait: seconds that one may wait.
    """

    jobs: int = Field(default_factory=default_jobs, ge=1)
    streams: int = Field(default_factory=_streams, ge=1)
    queue: int = Field(default=100, ge=0)
    wait: _Positive = 30.0


def _check_prefix(prefix: str) -> str:
    parts = prefix.split("/")[1:]
    if not prefix.startswith("/") or any(ord(char) < 32 for char in prefix):
        raise ValueError('a prefix begins with "/", such as "/photos"')
    if parts[-1] == "":
        parts.pop()
    if any(part in {"", ".", ".."} for part in parts):
        raise ValueError('a prefix has no empty parts and no "." or ".."')
    if parts and parts[0] == "-":
        raise ValueError('"/-/" is where the pages of the server itself are')
    return "/" + "/".join(parts)


class SourceFolder(_Section):
    """`[sources.NAME]`: a folder that is served.

    Args:
        root: the folder; relative to the configuration's file in TOML, absolute here.
        prefix: the path of URLs it is mounted at, without a slash at its end.
        listing: its names may be listed.
    """

    root: Annotated[Path, Field(strict=False)]
    prefix: Annotated[str, AfterValidator(_check_prefix)] = "/"
    listing: bool = True


def _read_folder(value: object) -> object:
    return None if value == "" else value


def _check_token(token: str) -> str:
    if not re.fullmatch(r"(?:[A-Za-z0-9._~+/-]+=*)?", token):
        raise ValueError("a token has ASCII letters, digits and ._~+/- (RFC 6750)")
    return token


class Cache(_Section):
    """`[cache]`.

    Args:
        folder: where results are kept; relative to the configuration's file in TOML, absolute here. Left out
            or empty, it is the system's place for it; None where there is none.
        bytes: that may be on disk; 0 keeps nothing there.
        memory: bytes of small results that may be in memory; 0 keeps nothing there.
        share: part of `bytes` that one result may have, 0 to 1.
        window: bytes that a stream may be ahead of its fastest reader.
        finish: part of a job, 0 to 1, past which it is finished although its last reader has left.
        failures: seconds that a failed job is remembered; 0 remembers none.
        crashes: seconds that a source is remembered that crashed a worker, or took too much time or memory.
        purge_token: that lets other machines purge; empty lets only this one.
    """

    folder: Annotated[Annotated[Path, Field(strict=False)] | None, BeforeValidator(_read_folder)] = None
    bytes: _Bytes = 2 * 1024**3
    memory: _Bytes = 64 * 1024**2
    share: _Part = 0.25
    window: Annotated[_Bytes, Field(gt=0)] = 8 * 1024**2
    finish: _Part = 0.5
    failures: Annotated[float, Field(ge=0.0)] = 5.0
    crashes: Annotated[float, Field(ge=0.0)] = 60.0
    purge_token: Annotated[str, AfterValidator(_check_token)] = ""


class Client(_Section):
    """`[client]`: what results may depend on besides their URL.

    Args:
        formats: that `format=auto` prefers, in this order, where the client names them in Accept.
        avif_pixels: width times height of a result above which AVIF takes too long.
        hints: Sec-CH-DPR, Sec-CH-Width and Save-Data are heeded.
        dprs: steps that Sec-CH-DPR is rounded up to.
        widths: steps that Sec-CH-Width is rounded up to, in pixels.
    """

    formats: Annotated[tuple[Literal["avif", "webp"], ...], Field(strict=False)] = ("avif", "webp")
    avif_pixels: int = Field(default=SLOW_PIXELS, ge=0)
    hints: bool = False
    dprs: Annotated[tuple[_Positive, ...], Field(strict=False, min_length=1)] = (1.0, 1.5, 2.0, 3.0)
    widths: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(strict=False, min_length=1)] = (
        160, 320, 480, 640, 800, 1024, 1280, 1600, 2000,
    )  # fmt: skip


def _check_key(key: str) -> str:
    if len(key) < _SHORTEST_KEY or not key.isascii() or not key.isprintable():
        raise ValueError(f"a key has at least {_SHORTEST_KEY} printable ASCII characters")
    return key


class Signing(_Section):
    """`[signing]`: who decides what is made.

    Args:
        keys: with any of them a URL may be signed; none: no URL is.
        originals: URLs without parameters must be signed too.
    """

    keys: Annotated[tuple[Annotated[str, AfterValidator(_check_key)], ...], Field(strict=False)] = ()
    originals: bool = False


def _check_encoder(encoder: str) -> str:
    known = ("software", "auto", *ENCODERS)
    if encoder not in known:
        raise ValueError(f"there is no encoder {encoder!r}; there are {', '.join(known)}")
    return encoder


class Video(_Section):
    """`[video]`: how films are encoded and watched.

    Args:
        encoder: `software`, `auto` (one in hardware, where one works), or a name of `formats.encoders`.
        ahead: seconds of a film that an encoder may be ahead of what was asked.
        idle: seconds after which an encoder ends that nobody has asked for anything.
    """

    encoder: Annotated[str, AfterValidator(_check_encoder)] = "software"
    ahead: _Positive = 30.0
    idle: _Positive = 10.0


class WholeFile(_Section):
    """A whole file: names of sections; what is in `preset` is read by `read_preset`."""

    server: Server = Server()
    sources: dict[str, SourceFolder] = {}
    slots: Slots = Slots()
    cache: Cache = Cache()
    client: Client = Client()
    signing: Signing = Signing()
    video: Video = Video()
    limits: PresetLimits = PresetLimits()
    programs: dict[str, str] = {}
    default_preset: dict[Annotated[str, AfterValidator(check_media_range)], str] = dict(DEFAULT_PRESETS)
    presets: Annotated[tuple[str, ...], Field(strict=False)] = ()
    preset: dict[str, dict[str, object]] = {}


class PresetFile(_Section):
    """A file of presets: they and the programs that they name."""

    programs: dict[str, str] = {}
    preset: dict[str, dict[str, object]] = {}
