// Runs the same Mocha suite in desktop VS Code, where it can be downloaded: node test/editor/electron.mjs [version]
// Under Node 24. On a machine without a display: xvfb-run -a node test/editor/electron.mjs
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { runTests } from "@vscode/test-electron";
import { buildSuite } from "./buildSuite.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const folder = await mkdtemp(path.join(os.tmpdir(), "precis-electron-"));
try {
  const workspace = path.join(folder, "greenhouse");
  await cp(path.join(root, "test", "fixtures", "workspace"), workspace, { recursive: true });
  await writeFile(path.join(workspace, ".env"), "VALVE_PASSWORD=made-up\n");
  process.exitCode = await runTests({
    version: process.argv[2] ?? "stable",
    extensionDevelopmentPath: root,
    extensionTestsPath: await buildSuite(root),
    launchArgs: [workspace, "--disable-extensions", "--disable-workspace-trust", "--user-data-dir", folder],
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}
