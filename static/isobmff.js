// The boxes of an initialization segment, read just far enough to name its codecs. Pure: bytes in, text out.
// MediaSource wants the codecs before the first byte (ISO/IEC 14496-12, 14496-15; names of RFC 6381).

const HEADER = 8;
const SAMPLE_ENTRY = { video: 78, audio: 28 }; // bytes of fixed fields before the entry's own boxes

/** `video/mp4; codecs="..."`; null while more bytes are needed; throws when these are no MP4 that we know. */
export function mediaType(bytes) {
  const moov = find(bytes, "moov");
  if (!moov) return null;
  const traks = boxes(moov).filter(({ type }) => type === "trak");
  const codecs = traks.map(({ content }) => codecOf(content)).filter(Boolean);
  if (!codecs.length) throw new Error("the stream names no codec that is known here");
  return `video/mp4; codecs="${codecs.join(", ")}"`;
}

function* walk(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= bytes.length;) {
    const size = view.getUint32(at);
    if (size < HEADER || at + size > bytes.length) return;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + HEADER));
    yield { type, content: bytes.subarray(at + HEADER, at + size) };
    at += size;
  }
}

const boxes = (bytes) => [...walk(bytes)];
const find = (bytes, wanted) => boxes(bytes).find(({ type }) => type === wanted)?.content;

function codecOf(trak) {
  const path = ["mdia", "minf", "stbl", "stsd"];
  const stsd = path.reduce((content, type) => content && find(content, type), trak);
  const [entry] = stsd ? boxes(stsd.subarray(8)) : []; // version, flags, number of entries
  if (!entry) return null;
  switch (entry.type) {
    case "avc1":
    case "avc3":
      return h264(entry);
    case "hvc1":
    case "hev1":
      return hevc(entry);
    case "av01":
      return av1(entry);
    case "vp09":
      return vp9(entry);
    case "mp4a":
      return mpegAudio(entry);
    case "Opus":
      return "opus";
    case "fLaC":
      return "flac";
    case "ac-3":
    case "ec-3":
      return entry.type;
    default:
      return null;
  }
}

const hex = (value) => value.toString(16).padStart(2, "0");

function h264({ type, content }) {
  const avcC = find(content.subarray(SAMPLE_ENTRY.video), "avcC");
  return avcC ? `${type}.${[...avcC.subarray(1, 4)].map(hex).join("")}` : null;
}

function hevc({ type, content }) {
  const hvcC = find(content.subarray(SAMPLE_ENTRY.video), "hvcC");
  if (!hvcC || hvcC.length < 13) return null;
  const space = ["", "A", "B", "C"][hvcC[1] >> 6];
  const tier = hvcC[1] & 0x20 ? "H" : "L";
  let compatible = 0; // the flags in the reverse order of bits
  for (let bit = 0; bit < 32; bit += 1) if (hvcC[2 + (bit >> 3)] & (0x80 >> (bit & 7))) compatible += 2 ** bit;
  const constraints = [...hvcC.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  const parts = [`${space}${hvcC[1] & 31}`, compatible.toString(16).toUpperCase(), `${tier}${hvcC[12]}`];
  return [type, ...parts, ...constraints.map((value) => value.toString(16).toUpperCase())].join(".");
}

function vp9({ content }) {
  const vpcC = find(content.subarray(SAMPLE_ENTRY.video), "vpcC");
  if (!vpcC || vpcC.length < 7) return null;
  const two = (number) => String(number).padStart(2, "0");
  return `vp09.${two(vpcC[4])}.${two(vpcC[5])}.${two(vpcC[6] >> 4)}`;
}

function av1({ content }) {
  const av1C = find(content.subarray(SAMPLE_ENTRY.video), "av1C");
  if (!av1C) return null;
  const tier = av1C[2] & 0x80 ? "H" : "M";
  const depth = av1C[2] & 0x40 ? (av1C[2] & 0x20 ? 12 : 10) : 8;
  const [profile, level] = [av1C[1] >> 5, av1C[1] & 31];
  const two = (number) => String(number).padStart(2, "0");
  return `av01.${profile}.${two(level)}${tier}.${two(depth)}`;
}

function mpegAudio({ content }) {
  const esds = find(content.subarray(SAMPLE_ENTRY.audio), "esds");
  if (!esds) return null;
  const config = descriptor(esds, 4, 0x03, 0x04); // DecoderConfigDescriptor (ISO/IEC 14496-1)
  if (!config) return null;
  if (config[0] !== 0x40) return `mp4a.${hex(config[0])}`;
  const specific = descriptor(config, 13, 0x05);
  const kind = specific ? specific[0] >> 3 : 2;
  return `mp4a.40.${kind === 31 ? 32 + (((specific[0] & 7) << 3) | (specific[1] >> 5)) : kind}`;
}

// Descends through descriptors of the given tags; an ES_Descriptor (3) has three bytes before the next.
function descriptor(bytes, at, ...tags) {
  for (const tag of tags) {
    if (bytes[at] !== tag) return null;
    at += 1;
    while (bytes[at] & 0x80) at += 1;
    at += 1;
    if (tag === 0x03) at += 3;
  }
  return bytes.subarray(at);
}
