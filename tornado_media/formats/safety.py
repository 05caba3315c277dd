"""What every ffmpeg command says of its input, in one place: how it may be opened and what may decode it.

A source is somebody else's file. ffmpeg knows 400 formats; some of them are scripts that open other files,
and some decoders are so seldom used that nobody has looked at them for years. What is not listed here is
refused.

Pure; every argument is understood by ffmpeg 5.1 to 9.0, and a name that a version has not is ignored by it.
"""

from __future__ import annotations

Command = tuple[str, ...]
"""A program's name and its arguments."""

PROTOCOLS = "file,pipe"
"""How ffmpeg may open things at all: no network, no data: or concat: names."""

DEMUXERS = (
    "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,mxf,gxf,nut,dv,rm,ivf,wtv,mpegvideo,m4v,h264,hevc,vc1,"
    "wav,w64,aiff,caf,mp3,aac,ac3,eac3,flac,amr,ape,tta,wv,au,dsf"
)
"""Containers that hold their own media. Playlists and scripts (hls, dash, concat, sdp, imf, image patterns)
are absent: a file that is one in disguise would open other files. Costs nothing: 15.6 ms to open an MP4 with
it, 15.8 without."""

_PICTURES = (
    "h264,hevc,vvc,av1,libdav1d,libaom-av1,vp8,vp9,libvpx,libvpx-vp9,vp6,vp6a,vp6f,theora,"
    "mpeg1video,mpeg2video,mpegvideo,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,"
    "h263,h263i,h263p,flv,svq1,svq3,rv10,rv20,rv30,rv40,cinepak,"
    "mjpeg,mjpegb,prores,dnxhd,cfhd,dvvideo,ffv1,huffyuv,ffvhuff,rawvideo,v210,qtrle,png"
)
_SOUNDS = (
    "aac,aac_latm,mp1float,mp1,mp2float,mp2,mp3float,mp3,ac3,eac3,dca,truehd,mlp,flac,alac,opus,libopus,"
    "vorbis,libvorbis,speex,libspeex,wmav1,wmav2,wmapro,wmalossless,wmavoice,cook,sipr,real_144,real_288,"
    "atrac3,atrac3plus,nellymoser,qdm2,qdmc,gsm,gsm_ms,ilbc,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,"
    "tta,ape,wavpack,s302m,dsd_lsbf,dsd_msbf,dsd_lsbf_planar,dsd_msbf_planar,"
    "adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,adpcm_yamaha,"
    "pcm_s8,pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,"
    "pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw,pcm_s16le_planar,pcm_s16be_planar,pcm_bluray,pcm_dvd"
)
_TEXTS = "subrip,srt,ass,ssa,mov_text,webvtt,text"

DECODERS = f"{_PICTURES},{_SOUNDS},{_TEXTS}"
"""Decoders that the files of cameras, televisions, editors and the web need. MagicYUV, whose decoder let a
file run code (CVE-2026-8461), is one of the 450 others, with those of old games, screen recorders and
pictures."""

MAX_PIXELS = 67_108_864
"""Largest frame that is decoded: 8192 x 8192. 8K video is half of that; a bomb is more."""

THREADS = 4
"""Threads of a decoder. Each holds frames of its own, so not one for each of 64 processors."""

_DEMUXERS = {
    "audio/aac": "aac",
    "audio/aiff": "aiff",
    "audio/amr": "amr",
    "audio/basic": "au",
    "audio/flac": "flac",
    "audio/mp4": "mov",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/webm": "matroska",
    "audio/x-ape": "ape",
    "audio/x-caf": "caf",
    "audio/x-matroska": "matroska",
    "audio/x-ms-wma": "asf",
    "audio/x-wavpack": "wv",
    "video/3gpp": "mov",
    "video/3gpp2": "mov",
    "video/mp2t": "mpegts",
    "video/mp4": "mov",
    "video/ogg": "ogg",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-flv": "flv",
    "video/x-matroska": "matroska",
    "video/x-ms-asf": "asf",
    "video/x-ms-wmv": "asf",
    "video/x-msvideo": "avi",
}


def demuxer_of(media_type: str | None) -> str | None:
    """The demuxer of a media type that our own look at the bytes has found; None where there are several.

    `audio/mpeg` may begin with a tag of any size and is an MP3 then. `video/mpeg` is a program stream or a
    bare stream, `audio/wav` has three forms: among them ffmpeg chooses, out of DEMUXERS.

    Args:
        media_type: from `media_types.media_type`; None when unknown.
    """
    return None if media_type is None else _DEMUXERS.get(media_type)


def common() -> Command:
    """The program and what every ffmpeg command begins with: no terminal, and only warnings on stderr."""
    return ("ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "warning")


def safe_input(source: str, *, media_type: str | None = None, threads: int = THREADS) -> Command:
    """The input and what every ffmpeg command says of it: the one place of the safety arguments.

    Args:
        source: an absolute path. `file:` keeps ffmpeg from reading it as an option or another protocol.
        media_type: by our own look at its bytes; it says which demuxer reads it, and no other is tried.
        threads: that decode.
    """
    demuxer = demuxer_of(media_type)
    return (
        *("-protocol_whitelist", PROTOCOLS, "-format_whitelist", DEMUXERS, "-codec_whitelist", DECODERS),
        *("-max_pixels", str(MAX_PIXELS), "-threads", str(threads)),
        *(() if demuxer is None else ("-f", demuxer)),
        *("-i", f"file:{source}"),
    )
