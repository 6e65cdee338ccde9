// Runs the tests: all groups in order, or those named on the command line. Builds what they need first.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildAll } from "./build.mjs";
import { findNode24 } from "./node24.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const node24 = findNode24(root);

const tsc = ["node_modules/typescript/bin/tsc", "-p"];
const groups = {
  check: [
    [...tsc, "tsconfig.json"],
    [...tsc, "webview/tsconfig.json"],
    ["node_modules/eslint/bin/eslint.js", "--cache", "--cache-location", ".cache/eslint", "."],
    ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."],
  ],
  unit: [["--test", "test/unit/**/*.test.ts"]],
  grammars: [["--test", "test/grammars/**/*.test.ts"]],
  native: [["--test", "--test-concurrency=1", "test/native/**/*.test.ts"]],
  engine: [["--test", "--test-concurrency=2", "test/engine/**/*.test.ts"]],
  editor: [
    ["tools/package.mjs"],
    ["tools/editorHost.mjs"],
    ["--test", "--test-concurrency=1", "test/editor/*.test.ts"],
  ],
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(groups, name));
if (unknown.length > 0) {
  process.stderr.write(`unknown test group: ${unknown.join(", ")}; there are ${Object.keys(groups).join(", ")}\n`);
  process.exit(2);
}

await buildAll({ log: (line) => process.stderr.write(`${line}\n`) });
const failed = [];
for (const name of wanted.length > 0 ? wanted : Object.keys(groups)) {
  const started = Date.now();
  const passed = groups[name].every((args) => run(args));
  process.stderr.write(`${passed ? "passed" : "FAILED"}: ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  if (!passed) failed.push(name);
}
if (failed.length > 0) {
  process.stderr.write(`failed: ${failed.join(", ")}\n`);
  process.exit(1);
}

function run(args) {
  const result = spawnSync(node24, args, { cwd: root, stdio: "inherit" });
  if (result.error) process.stderr.write(`${result.error.message}\n`);
  return result.status === 0;
}
