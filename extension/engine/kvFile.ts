/** The file of one stored segment: a header that says what it is without any model, and the encoded state behind it. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import * as z from "zod";
import type { NativeKvType } from "../../native/addon.ts";
import { evictorNames } from "../protocol/settings.ts";
import type { EvictorName } from "../protocol/settings.ts";

/** What a stored segment says of itself. */
export interface SegmentInfo {
  /** Name of the model's file, for people. */
  readonly modelName: string;
  /** What was read, for people: `src/a.ts:10-20`, or `prefix`. */
  readonly label: string;
  readonly evictor: EvictorName;
  /** 0…1; 1: whole. */
  readonly keepRatio: number;
  readonly kvType: NativeKvType;
  /** Tokens that were read, and cells that were kept of them. */
  readonly tokens: number;
  readonly cells: number;
}

export interface KvFile {
  readonly info: SegmentInfo;
  /** Model and key that the segment was stored under. */
  readonly identity: string;
  /** As `NativeKvState.encode` made it. */
  readonly payload: Uint8Array;
}

/** The bytes of a file. */
export function encodeKvFile({ info, identity, payload }: KvFile): Uint8Array {
  const header = Buffer.from(
    JSON.stringify({
      ...info,
      identity,
      payloadBytes: payload.byteLength,
      checksum: checksum(payload),
    } satisfies Header),
  );
  const bytes = new Uint8Array(headerStart + header.byteLength + payload.byteLength);
  bytes.set(magic);
  new DataView(bytes.buffer).setUint32(magic.byteLength, header.byteLength, true);
  bytes.set(headerHash(header), magic.byteLength + 4);
  bytes.set(header, headerStart);
  bytes.set(payload, headerStart + header.byteLength);
  return bytes;
}

/**
 * What `encodeKvFile` wrote, or null where the bytes are not that. The payload's length is checked, its content only
 * with `withChecksum`: the state has a checksum of its own, which is checked when it is decoded.
 */
export function decodeKvFile(bytes: Uint8Array, { withChecksum }: { readonly withChecksum: boolean }): KvFile | null {
  const header = decodeHeader(bytes);
  if (header === null || bytes.byteLength !== header.end + header.payloadBytes) return null;
  const payload = bytes.subarray(header.end);
  if (withChecksum && checksum(payload) !== header.checksum) return null;
  return { info: header.info, identity: header.identity, payload };
}

/** Header of the file on disk; null where it has none, or another length than it says. Rejects as the disk does. */
export async function readKvFileInfo(file: string): Promise<SegmentInfo | null> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    const start = new Uint8Array(Math.min(size, headerBytesMax));
    const { bytesRead } = await handle.read(start, 0, start.byteLength, 0);
    const header = decodeHeader(start.subarray(0, bytesRead));
    return header === null || size !== header.end + header.payloadBytes ? null : header.info;
  } finally {
    await handle.close();
  }
}

/** Of one kind of file and version only. */
const magic = Buffer.from("PRECIS-SEGMENT-1\n");
/** Behind the header's length and its hash. */
const hashBytes = 16;
const headerStart = magic.byteLength + 4 + hashBytes;
const headerBytesMax = 16 * 1024;

const headerSchema = z.object({
  modelName: z.string(),
  label: z.string(),
  evictor: z.enum(evictorNames),
  keepRatio: z.number().min(0).max(1),
  kvType: z.enum(["f16", "f32", "q8_0", "q4_0"]),
  tokens: z.int().min(1),
  cells: z.int().min(1),
  identity: z.string(),
  payloadBytes: z.int().min(1),
  checksum: z.string(),
});
type Header = z.infer<typeof headerSchema>;

interface DecodedHeader {
  readonly info: SegmentInfo;
  readonly identity: string;
  readonly payloadBytes: number;
  readonly checksum: string;
  /** Where the payload begins. */
  readonly end: number;
}

function decodeHeader(bytes: Uint8Array): DecodedHeader | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < headerStart || !view.subarray(0, magic.byteLength).equals(magic)) return null;
  const end = headerStart + view.readUInt32LE(magic.byteLength);
  if (end > headerBytesMax || end > view.byteLength) return null;
  const header = view.subarray(headerStart, end);
  if (!headerHash(header).equals(view.subarray(magic.byteLength + 4, headerStart))) return null;
  const parsed = headerSchema.safeParse(JSON.parse(header.toString("utf8")));
  if (!parsed.success) return null;
  const { identity, payloadBytes, checksum: sum, ...info } = parsed.data;
  return { info, identity, payloadBytes, checksum: sum, end };
}

function headerHash(header: Uint8Array): Buffer {
  return createHash("sha256").update(header).digest().subarray(0, hashBytes);
}

function checksum(payload: Uint8Array): string {
  return createHash("sha256").update(payload).digest("hex");
}
