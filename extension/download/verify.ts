import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Failure } from "../protocol/failure.ts";

/** Fails with downloadNotModel where a file does not begin as GGUF files do; the detail says what it is instead. */
export async function checkMagic(file: string): Promise<void> {
  const head = Buffer.alloc(headBytes);
  const handle = await open(file);
  try {
    const { bytesRead } = await handle.read(head, 0, headBytes, 0);
    if (head.toString("latin1", 0, magic.length) === magic) return;
    const text = head.toString("utf8", 0, bytesRead);
    const page = /^\s*<(?:!doctype|html)/i.test(text);
    throw new Failure(
      "downloadNotModel",
      page ? "a web page came" : `it begins with ${JSON.stringify(text.slice(0, 16))}`,
    );
  } finally {
    await handle.close();
  }
}

/** Digests of a file in hexadecimal digits, in the order of the algorithms; the file is read once. */
export async function digestsOf(
  file: string,
  algorithms: readonly ("sha256" | "sha512")[],
): Promise<readonly string[]> {
  const hashes = algorithms.map((algorithm) => createHash(algorithm));
  for await (const chunk of createReadStream(file, { highWaterMark: readBytes })) {
    for (const hash of hashes) hash.update(chunk as Buffer);
  }
  return hashes.map((hash) => hash.digest("hex"));
}

const magic = "GGUF";
const headBytes = 64;
const readBytes = 1024 ** 2;
