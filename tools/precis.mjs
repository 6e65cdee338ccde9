#!/usr/bin/env node
// The terminal program's launcher: runs on Node ≥ 20, builds what is missing in a source checkout, then runs
// dist/cli.mjs under Node 24 with the same arguments, streams and exit code.
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildAll } from "./build.mjs";
import { findNode24 } from "./node24.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

try {
  await buildAll({ log: (line) => process.stderr.write(`${line}\n`) });
  const child = spawn(findNode24(root), [path.join(root, "dist", "cli.mjs"), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  // The terminal sends Ctrl+C to the whole group; the child decides what it means.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
} catch (error) {
  process.stderr.write(`precis: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
