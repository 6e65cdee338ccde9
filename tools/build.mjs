// Builds everything a source checkout needs to run: bundles, native addon, grammars. Each step is skipped when its
// inputs are unchanged, so that a second run takes a fraction of a second.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundles } from "./bundle.mjs";
import { findNode24 } from "./node24.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Brings dist/ up to date. `log` gets one line per step that runs. */
export async function buildAll({ log }) {
  const node24 = findNode24(root);
  const { buildNative } = await import("./buildNative.mjs");
  const { buildGrammars } = await import("./buildGrammars.mjs");
  await Promise.all([buildBundles({ root, log }), buildNative({ root, log }), buildGrammars({ root, node24, log })]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildAll({ log: (line) => process.stderr.write(`${line}\n`) });
  } catch (error) {
    process.stderr.write(`build failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
