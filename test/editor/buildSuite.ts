import path from "node:path";
import { build } from "esbuild";

/** Bundles the tests that run inside an extension host. Mocha and vscode are found there. Resolves to the file. */
export async function buildSuite(root: string): Promise<string> {
  const outfile = path.join(root, "dist", "test", "suite.cjs");
  await build({
    absWorkingDir: root,
    entryPoints: ["test/editor/suite/index.ts"],
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
