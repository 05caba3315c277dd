"""The videos of the demo folder: what ffmpeg is asked to make, and how far it is.

clip.mkv is what browsers cannot play: MPEG-4 part 2 and AC-3 in Matroska. fractal.mp4 plays anywhere.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg

CLIP_SECONDS = 60
FRACTAL_SECONDS = 12
RATE = 24
"""Frames a second."""


RIDGES = ((0, 0.0002), (1, 0.0006), (2, 0.0016))
"""How fast each ridge goes by, far to near: parts of its width a frame."""


def pluck(notes: str, beat: float) -> str:
    """A source of sound for ffmpeg: the notes (semitones from A3) one after another, each plucked and fading.

    Args:
        notes: semitones, `0 7 12`.
        beat: seconds from one note to the next.
    """
    semitones = [int(note) for note in notes.split()]
    index = f"mod(floor(t/{beat}),{len(semitones)})"
    pitch = "+".join(f"{220 * 2 ** (note / 12):.3f}*eq({index},{k})" for k, note in enumerate(semitones))
    sound = f"st(0,{pitch});exp(-4*mod(t,{beat}))*(0.3*sin(2*PI*t*ld(0))+0.1*sin(4*PI*t*ld(0)))"
    return f"aevalsrc='{sound}':sample_rate=16000:channel_layout=mono"


def clip(layers: Path) -> list[str]:
    """Arguments for clip.mkv: a drive along mountains; the sun crosses the sky in exactly the clip's time."""
    inputs = ["sky.png", "sun.png", "ridge0.png", "ridge1.png", "ridge2.png"]
    still = f"loop=-1:1,setpts=N/({RATE}*TB)"
    graph = [
        f"[0]{still},fps={RATE},format=yuv420p[sky]",
        f"[1]{still},format=yuva420p[sun]",
        *(f"[{k + 2}]format=yuva420p,{still},scroll=h={speed},crop=1280:ih:0:0[r{k}]" for k, speed in RIDGES),
        f"[sky][sun]overlay=x='-300+t*1480/{CLIP_SECONDS}':y='330-260*sin(PI*t/{CLIP_SECONDS})'[a]",
        "[a][r0]overlay=y=H-h[b];[b][r1]overlay=y=H-h[c];[c][r2]overlay=y=H-h,format=yuv420p[video]",
    ]
    return [
        *(item for name in inputs for item in ("-framerate", str(RATE), "-i", str(layers / name))),
        *("-f", "lavfi", "-i", pluck("0 7 12 15 12 7 -2 5 10 14 10 5", 0.5)),
        *("-filter_complex", ";".join(graph), "-map", "[video]", "-map", "5:a"),
        *(
            "-c:v",
            "mpeg4",
            "-q:v",
            "5",
            "-g",
            str(10 * RATE),
            "-c:a",
            "ac3",
            "-ar",
            "48000",
            "-ac",
            "2",
            "-b:a",
            "192k",
        ),
        *("-t", str(CLIP_SECONDS)),
    ]


def fractal() -> list[str]:
    """Arguments for fractal.mp4: a way into the Mandelbrot set, H.264 and AAC, the index at the front."""
    end = FRACTAL_SECONDS * RATE
    way = f"start_scale=3:end_scale=0.002:end_pts={end}"
    picture = f"mandelbrot=size=854x480:rate={RATE}:maxiter=400:inner=black:{way}"
    colors = "format=gray,format=yuv444p,lutyuv=y='clip(val*1.45,0,255)',pseudocolor=p=inferno,format=yuv420p"
    return [
        *(
            "-f",
            "lavfi",
            "-i",
            f"{picture},{colors}",
            "-f",
            "lavfi",
            "-i",
            pluck("0 3 7 10 12 10 7 3", 0.375),
        ),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "28", "-pix_fmt", "yuv420p", "-g", str(2 * RATE)),
        *(
            "-c:a",
            "aac",
            "-ar",
            "48000",
            "-ac",
            "2",
            "-b:a",
            "128k",
            "-movflags",
            "+faststart",
            "-t",
            str(FRACTAL_SECONDS),
        ),
    ]


def encode(arguments: list[str], seconds: float, path: Path, progress: Callable[[float], None]) -> None:
    """Runs ffmpeg to the end and tells how far it is, 0 to 1.

    Args:
        arguments: inputs and codecs.
        seconds: how long the result will be.
        path: the result; its ending says the container.
        progress: is called now and then.

    Raises:
        subprocess.CalledProcessError: ffmpeg ended badly; its stderr has been shown.
    """
    argv = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-y",
        "-v",
        "error",
        "-nostdin",
        "-nostats",
        "-progress",
        "pipe:1",
    ]
    argv += [*arguments, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101  (a pipe was asked for)
        try:
            for done in positions(process.stdout):
                progress(min(1.0, done / seconds))
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, argv)


def positions(report: Iterator[str]) -> Iterator[float]:
    """The seconds that ffmpeg has written, from the lines of its -progress: `out_time_us=1234567`."""
    for line in report:
        name, _, value = line.strip().partition("=")
        if name == "out_time_us" and value.isdecimal():
            yield int(value) / 1e6
