// Runs one benchmark of test/bench under Node 24, after bringing the build up to date:
//   node tools/bench.mjs first --repo DIR --repo DIR
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildAll } from "./build.mjs";
import { findNode24 } from "./node24.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [name = "", ...args] = process.argv.slice(2);
const script = path.join(root, "test", "bench", `${name}.ts`);

if (!/^\w+$/.test(name) || !existsSync(script)) {
  process.stderr.write("usage: node tools/bench.mjs NAME [options]; NAME is a file of test/bench\n");
  process.exitCode = 2;
} else {
  await buildAll({ log: (line) => process.stderr.write(`${line}\n`) });
  process.exitCode = spawnSync(findNode24(root), [script, ...args], { stdio: "inherit" }).status ?? 1;
}
