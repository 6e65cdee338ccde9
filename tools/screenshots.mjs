// Makes the pictures of docs/screenshots and of the walkthrough: npm run screenshots
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildAll } from "./build.mjs";
import { findNode24 } from "./node24.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const node24 = findNode24(root);
await buildAll({ log: (line) => process.stderr.write(`${line}\n`) });
const isMade = ["tools/package.mjs", "test/editor/screenshots.ts"].every(
  (script) => spawnSync(node24, [path.join(root, script)], { cwd: root, stdio: "inherit" }).status === 0,
);
process.exitCode = isMade ? 0 : 1;
