"""The H.264 encoders that ffmpeg may have, and what each must be told. One table; pure.

All are told the same: High profile, a sync sample after each group and nowhere else, a ceiling for the bit
rate. libx264 is always there; the others need a device, so `config/ffmpeg_tools.py` tries them first with
`probe_command`. What they are told follows their `ffmpeg -h encoder=...` from 5.1 to 9.0.

The hardware encoders write no B-frames: their delay would be the viewer's, and some of their drivers get the
order wrong. They have no constant quality with a ceiling either, but nvenc; so they aim at two thirds of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tornado_media.formats.safety import Command, common

SOFTWARE = "libx264"
"""The encoder that always works."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """One encoder.

    Args:
        name: ffmpeg's.
        options: what it is told in any case.
        grid: besides `-g`, what keeps sync samples where they belong.
        quality: how good, where no bit rate is asked for; empty: it gets a bit rate all the same.
        profile: its word for High.
        pixels: the format of the frames that it takes.
        upload: a filter that brings them to the device.
        device: options before the input that open the device; `{device}` is its path.
        software: no device is needed.
    """

    name: str
    options: Command
    grid: Command = ()
    quality: Command = ()
    profile: str = "high"
    pixels: str = "yuv420p"
    upload: str | None = None
    device: Command = ()
    software: bool = False

    def filters(self) -> tuple[str, ...]:
        """The last filters before it."""
        return (f"format={self.pixels}", *(() if self.upload is None else (self.upload,)))

    def setup(self, device: str) -> Command:
        """Options that stand before the input.

        Args:
            device: an absolute path.
        """
        return tuple(option.replace("{device}", device) for option in self.device)

    def arguments(
        self,
        *,
        ceiling: int,
        buffer: int,
        bit_rate: int | None = None,
        group: int | None = None,
        level: int | None = None,
        threads: int | None = None,
    ) -> Command:
        """What it is told.

        Args:
            ceiling: kbit/s, `-maxrate`.
            buffer: kilobits of the decoder's buffer, `-bufsize`.
            bit_rate: kbit/s on average; None: constant quality below the ceiling.
            group: frames from one sync sample to the next; None: the caller says where they are.
            level: of H.264, ten times its number; None: as the encoder finds right.
            threads: at most; None: as it finds right.
        """
        return (
            *("-c:v", self.name, *self.options, "-profile:v", self.profile),
            *(() if level is None else ("-level:v", str(level))),
            *self._rate(ceiling, bit_rate),
            *("-maxrate", f"{ceiling}k", "-bufsize", f"{buffer}k", *self.grid),
            *(() if group is None else ("-g", str(group), "-keyint_min", str(group))),
            *(() if threads is None or not self.software else ("-threads:v", str(threads))),
        )

    def _rate(self, ceiling: int, bit_rate: int | None) -> Command:
        if bit_rate is None and self.quality:
            return self.quality
        return ("-b:v", f"{ceiling * 2 // 3 if bit_rate is None else bit_rate}k")


_TABLE = (
    Encoder(
        SOFTWARE,
        options=("-preset", "veryfast", "-x264-params", "rc-lookahead=5:sync-lookahead=0"),
        grid=("-sc_threshold", "0"),
        quality=("-crf", "23"),
        software=True,
    ),
    Encoder(
        "h264_nvenc",
        options=("-preset", "p4", "-tune", "ll", "-rc", "vbr", "-bf", "0"),
        grid=("-forced-idr", "1", "-no-scenecut", "1"),
        quality=("-cq", "25", "-b:v", "0"),
    ),
    Encoder(
        "h264_qsv",
        options=("-preset", "veryfast", "-look_ahead", "0", "-async_depth", "2", "-bf", "0"),
        grid=("-forced_idr", "1", "-idr_interval", "0", "-adaptive_i", "0"),
        pixels="nv12",
    ),
    Encoder(
        "h264_vaapi",
        options=("-rc_mode", "VBR", "-bf", "0"),
        grid=("-idr_interval", "0"),
        pixels="nv12",
        upload="hwupload",
        device=("-vaapi_device", "{device}"),
    ),
    Encoder("h264_videotoolbox", options=("-allow_sw", "0", "-realtime", "1", "-bf", "0"), pixels="nv12"),
    Encoder("h264_v4l2m2m", options=("-bf", "0"), profile="100", pixels="nv12"),
)

ENCODERS: Mapping[str, Encoder] = {encoder.name: encoder for encoder in _TABLE}
"""By ffmpeg's names; the hardware encoders in the order in which they are tried."""

HARDWARE = tuple(encoder.name for encoder in _TABLE if not encoder.software)
"""Those that may or may not work here."""


def probe_command(name: str, device: str) -> Command:
    """A tenth of a second of a test picture through an encoder into nothing: it works where this ends well.

    Args:
        name: of ENCODERS.
        device: an absolute path, for those that need one.
    """
    encoder = ENCODERS[name]
    return (
        *(*common(), *encoder.setup(device)),
        *("-f", "lavfi", "-i", "testsrc=size=640x360:rate=30:duration=0.1"),
        *("-vf", ",".join(encoder.filters())),
        *encoder.arguments(ceiling=1000, buffer=1000, group=60, level=31),
        *("-f", "null", "-"),
    )
