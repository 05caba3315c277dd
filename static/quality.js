// What the facts of a source say about playing it, and the words for it. Pure.

/** The first stream of a type, or null. Cover pictures are not video. */
export function firstStream(info, type) {
  return info.streams?.find((stream) => stream.type === type && !stream.attached_picture) ?? null;
}

/**
 * The type to hand to `canPlayType` for the original bytes, or null when no browser need be asked: the server
 * knows what is inside, down to profile and depth, and says whether the file may be played as it is.
 */
export function originalType(info) {
  const { media_type: mediaType = "", playback } = info;
  if (mediaType.startsWith("audio/")) return mediaType;
  if (playback?.how !== "original") return null;
  const names = ["video", "audio"].map((type) => firstStream(info, type)?.codecs).filter(Boolean);
  return names.length ? `${mediaType}; codecs="${names.join(", ")}"` : mediaType;
}

/** The picture can be copied: one of its qualities has segments as long as the source has it. */
export function copiesPicture(info) {
  const { index } = firstStream(info, "video") ?? {};
  return info.playback?.streams?.some((stream) => stream.index === index && stream.how === "copy") ?? false;
}

/** The choices of the quality menu. `rungs` are those of `ladder`; `shown`: lines of the picture now. */
export function choices(rungs, original, shown = 0) {
  const heights = rungs.filter(({ lines }) => lines > 0);
  const list = heights.map(({ lines, copied }) => ({
    value: lines,
    label: `${lines}p`,
    note: copied ? "as it is" : "",
  }));
  if (list.length) list.unshift({ value: "auto", label: "Auto", note: shown ? `${shown}p` : "" });
  if (original && list.length) list.unshift({ value: "original", label: "Original", note: "the file" });
  return list;
}

const NAMES = {
  aac: "AAC",
  ac3: "AC-3",
  av1: "AV1",
  dts: "DTS",
  eac3: "E-AC-3",
  flac: "FLAC",
  h264: "H.264",
  hevc: "HEVC",
  mjpeg: "Motion JPEG",
  mp2: "MP2",
  mp3: "MP3",
  mpeg2video: "MPEG-2",
  mpeg4: "MPEG-4",
  opus: "Opus",
  vc1: "VC-1",
  vorbis: "Vorbis",
  vp8: "VP8",
  vp9: "VP9",
};
const nameOfCodec = ({ codec }) => NAMES[codec] ?? codec;

/** Short facts for the line under the picture: `1920 × 1080`, `H.264`, `25 fps`. */
export function facts(info) {
  const video = firstStream(info, "video");
  const audio = firstStream(info, "audio");
  const list = [];
  if (video?.width && video?.height) list.push(`${video.width} × ${video.height}`);
  if (video) list.push(nameOfCodec(video), frameRate(video.frame_rate));
  if (video?.hdr) list.push("HDR");
  if (audio) list.push(nameOfCodec(audio));
  if (video && !audio) list.push("no sound");
  return list.filter(Boolean);
}

/** Seconds of one frame; of 1/25 when the rate is unknown. */
export function frameSeconds(info) {
  const rate = fraction(firstStream(info, "video")?.frame_rate);
  return rate > 0 ? 1 / rate : 0.04;
}

function frameRate(text) {
  const rate = fraction(text);
  return rate > 0 ? `${Number(rate.toFixed(2))} fps` : "";
}

function fraction(text) {
  const [above, below = 1] = String(text ?? "")
    .split("/")
    .map(Number);
  const rate = above / below;
  return Number.isFinite(rate) ? rate : 0;
}
