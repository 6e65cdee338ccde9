// Content stamps: a build step runs only when the content of its inputs changed since its last success.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

/** SHA-256 over the names and contents of all files below the given files and folders (relative to root). */
export function hashOf(root, inputs) {
  const hash = createHash("sha256");
  for (const file of inputs.flatMap((input) => filesBelow(path.join(root, input))).sort()) {
    hash.update(path.relative(root, file)).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** Runs `step` unless `outputs` exist and the stamp of `inputs` is the one of the last success. */
export async function whenChanged({ root, name, inputs, outputs, log }, step) {
  const stampFile = path.join(root, "dist", `.stamp-${name}`);
  const stamp = hashOf(root, inputs);
  const outputsExist = outputs.every((output) => existsSync(path.join(root, output)));
  if (outputsExist && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return false;
  log(`building ${name}`);
  await step();
  mkdirSync(path.dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp);
  return true;
}

function filesBelow(start) {
  if (!existsSync(start)) return [];
  if (statSync(start).isFile()) return [start];
  return readdirSync(start, { withFileTypes: true }).flatMap((entry) => filesBelow(path.join(start, entry.name)));
}
