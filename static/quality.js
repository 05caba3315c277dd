// What to ask for: the heights that make sense, and whether the browser plays the original as it is. Pure.

const LADDER = [2160, 1440, 1080, 720, 480, 360, 240, 144];
const USUAL = 720;

// Codec names as ffmpeg spells them, and as `canPlayType` wants them (RFC 6381). The H.264 entry is High
// at level 4.0: a browser that has a decoder at all takes it.
const CODECS = {
  "video/mp4": {
    h264: "avc1.640028",
    hevc: "hvc1.1.6.L120.B0",
    av1: "av01.0.08M.08",
    vp9: "vp09.00.40.08",
    aac: "mp4a.40.2",
    mp3: "mp4a.6B",
    opus: "opus",
    flac: "flac",
    ac3: "ac-3",
    eac3: "ec-3",
  },
  "video/webm": { vp8: "vp8", vp9: "vp9", av1: "av01.0.08M.08", opus: "opus", vorbis: "vorbis" },
};

/** The first stream of a type, or null. Cover pictures are not video. */
export function firstStream(info, type) {
  return info.streams?.find((stream) => stream.type === type && !stream.attached_picture) ?? null;
}

/** Heights to offer for a source of this height, highest first; its own is among them. */
export function heights(sourceHeight) {
  if (!sourceHeight) return [];
  const own = sourceHeight - (sourceHeight % 2); // 4:2:0 needs an even one
  const lower = LADDER.filter((height) => height < own);
  return own <= LADDER[0] && own >= LADDER.at(-1) ? [own, ...lower] : lower;
}

/** The height to begin with: 720, or the source's own if that is less; undefined leaves it to the preset. */
export function usualHeight(offered, wanted = null) {
  if (offered.includes(wanted)) return wanted;
  return offered.find((height) => height <= USUAL);
}

/** The type to hand to `canPlayType` for the original bytes, or null when no browser need be asked. */
export function originalType(info) {
  const { media_type: mediaType = "" } = info;
  if (mediaType.startsWith("audio/")) return mediaType;
  const names = CODECS[mediaType];
  if (!names) return null;
  const streams = (info.streams ?? []).filter(({ type }) => type === "video" || type === "audio");
  if (!streams.length || streams.some(isDeep)) return null;
  const codecs = streams.map(({ codec }) => names[codec]);
  return codecs.includes(undefined) ? null : `${mediaType}; codecs="${codecs.join(", ")}"`;
}

// Ten bits or 4:2:2 in H.264 decode nowhere, though `canPlayType` of the usual profile says "probably".
function isDeep({ codec, pixel_format: format = "" }) {
  return codec === "h264" && /10|12|422|444/.test(format);
}

/** Short facts for the line under the picture: `1920 × 1080`, `h264`, `25 fps`. */
export function facts(info) {
  const video = firstStream(info, "video");
  const audio = firstStream(info, "audio");
  const list = [];
  if (video?.width && video?.height) list.push(`${video.width} × ${video.height}`);
  if (video) list.push(video.codec, frameRate(video.frame_rate));
  if (audio) list.push(audio.codec);
  if (video && !audio) list.push("no sound");
  return list.filter(Boolean);
}

function frameRate(text) {
  const [above, below = 1] = String(text ?? "")
    .split("/")
    .map(Number);
  const rate = above / below;
  return Number.isFinite(rate) && rate > 0 ? `${Number(rate.toFixed(2))} fps` : "";
}
