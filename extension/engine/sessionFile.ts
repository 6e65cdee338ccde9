/** A session's cache on disk: which model made it, what it has read, and the state itself. */
import { createHash } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import * as z from "zod";
import { Failure } from "../protocol/failure.ts";

export interface SessionState {
  /** Equal for equal models and KV types only. */
  readonly fingerprint: string;
  /** Tokens whose keys and values `blob` holds. */
  readonly tokens: Int32Array;
  readonly blob: Uint8Array;
}

/** Bytes at the beginning of a model file that, with its size, tell it from others. */
const fingerprintBytes = 1024 * 1024;

/** Identifies a model file by its size and first mebibyte (metadata and vocabulary), and the KV type. */
export async function sessionFingerprint(modelPath: string, kvType: string, release: string): Promise<string> {
  const handle = await open(modelPath, "r");
  try {
    const { size } = await handle.stat();
    const start = Buffer.alloc(Math.min(size, fingerprintBytes));
    await handle.read(start, 0, start.byteLength, 0);
    return createHash("sha256").update(`${size} ${kvType} ${release} `).update(start).digest("hex");
  } finally {
    await handle.close();
  }
}

/** Writes a state; the file is there completely or not at all. */
export async function writeSessionFile(file: string, state: SessionState): Promise<void> {
  const tokens = bytesOf(state.tokens);
  const header = Buffer.from(
    JSON.stringify({
      fingerprint: state.fingerprint,
      tokens: state.tokens.length,
      blobBytes: state.blob.byteLength,
      checksum: checksum(tokens, state.blob),
    } satisfies Header),
  );
  const start = Buffer.alloc(magic.byteLength + 4);
  start.set(magic);
  start.writeUInt32LE(header.byteLength, magic.byteLength);
  const part = `${file}.${process.pid}.part`;
  try {
    const handle = await open(part, "w");
    try {
      for (const bytes of [start, header, tokens, state.blob]) await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") {
      throw new Failure("diskFull", file, { cause: error });
    }
    throw error;
  }
}

/** Reads what `writeSessionFile` wrote. Fails with blobInvalid where the file is damaged or of another model. */
export async function readSessionFile(file: string, fingerprint: string): Promise<SessionState> {
  const bytes = await readFile(file);
  const headerStart = magic.byteLength + 4;
  if (bytes.byteLength < headerStart || !bytes.subarray(0, magic.byteLength).equals(magic)) {
    throw new Failure("blobInvalid", `${file} is not a saved cache`);
  }
  const headerEnd = headerStart + bytes.readUInt32LE(magic.byteLength);
  const header = parseHeader(bytes.toString("utf8", headerStart, headerEnd), file);
  const tokensEnd = headerEnd + header.tokens * Int32Array.BYTES_PER_ELEMENT;
  if (bytes.byteLength !== tokensEnd + header.blobBytes) throw new Failure("blobInvalid", `${file} is incomplete`);
  if (header.fingerprint !== fingerprint) throw new Failure("blobInvalid", `${file} is of another model`);
  const blob = bytes.subarray(tokensEnd);
  const tokenBytes = bytes.subarray(headerEnd, tokensEnd);
  if (checksum(tokenBytes, blob) !== header.checksum) throw new Failure("blobInvalid", `${file} is damaged`);
  const tokens = new Int32Array(header.tokens);
  bytesOf(tokens).set(tokenBytes);
  return { fingerprint, tokens, blob };
}

const magic = Buffer.from("PRECIS-KV-1\n");

const headerSchema = z.object({
  fingerprint: z.string(),
  tokens: z.int().min(0).max(0x7fffffff),
  blobBytes: z.int().min(0),
  checksum: z.string(),
});
type Header = z.infer<typeof headerSchema>;

function parseHeader(text: string, file: string): Header {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure("blobInvalid", `${file} is damaged`, { cause: error });
  }
  const parsed = headerSchema.safeParse(value);
  if (!parsed.success) throw new Failure("blobInvalid", `${file} is damaged`, { cause: parsed.error });
  return parsed.data;
}

function bytesOf(tokens: Int32Array): Uint8Array {
  return new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
}

function checksum(...parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
