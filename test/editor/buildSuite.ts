import path from "node:path";
import { build } from "esbuild";

/** Bundles what runs inside an extension host, the tests unless told otherwise. Mocha and vscode are found there. Resolves to the file. */
export async function buildSuite(root: string, entry = "test/editor/suite/index.ts"): Promise<string> {
  const outfile = path.join(
    root,
    "dist",
    "test",
    `${path.basename(path.dirname(entry))}-${path.basename(entry, ".ts")}.cjs`,
  );
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node24",
    sourcemap: "inline",
    external: ["vscode", "mocha"],
    logLevel: "warning",
  });
  return outfile;
}
