// Makes the native tree-sitter binding load. Its prebuilt file needs a newer C++ runtime than some distributions have;
// there it is compiled once, into the place where its own loader looks first.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findNode24, findNodePackage } from "./node24.mjs";

const compileTimeoutMs = 10 * 60_000;
const binaryName = "tree_sitter_runtime_binding.node";

/**
 * Compiles node_modules/tree-sitter when its prebuilt binding does not load under Node 24. Where it cannot be compiled,
 * the engine uses wasm; that is logged once and no error.
 *
 * @param {{ root: string, node24: string, log: (line: string) => void }} options
 * @returns {Promise<{ runtime: "native" | "wasm", why: string }>}
 */
export async function buildGrammars({ root, node24, log }) {
  const problem = await loadProblem(root, node24);
  if (problem === null) return { runtime: "native", why: "native tree-sitter loads" };
  const stampFile = path.join(root, "dist", "grammars", "native.json");
  const inputs = inputsOf(root);
  const earlier = readStamp(stampFile);
  if (earlier?.inputs === inputs) return { runtime: "wasm", why: earlier.why };

  log("grammars: compiling the native tree-sitter binding (about a minute, once)");
  const why = await compile(root, node24).then(
    () => loadProblem(root, node24),
    (error) => error.message,
  );
  if (why === null) return { runtime: "native", why: "native tree-sitter was compiled" };
  log(`grammars: native tree-sitter is not available, wasm is used instead: ${why}`);
  mkdirSync(path.dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify({ inputs, why }));
  return { runtime: "wasm", why };
}

/** Loads the binding in a process of its own, because a bad binary may end the process. */
async function loadProblem(root, node24) {
  const script = 'new (require("tree-sitter"))(); process.stdout.write("loaded")';
  const { code, output } = await run(node24, ["-e", script], { cwd: root });
  if (code === 0 && output.endsWith("loaded")) return null;
  const reason = output.split("\n").find((line) => /error/i.test(line)) ?? output.split("\n")[0];
  return reason || `Node ended with ${code}`;
}

/** Compiles in a folder of its own and moves the result into place, so that nobody ever sees half a file. */
async function compile(root, node24) {
  const headers = headersOf(root, node24);
  if (headers === null) throw new Error("Node's headers are not installed");
  const gyp = path.join(root, "node_modules", "node-gyp", "bin", "node-gyp.js");
  if (!existsSync(gyp)) throw new Error("node-gyp is not installed");
  const source = path.join(root, "node_modules", "tree-sitter");
  const folder = path.join(root, "dist", "grammars", `build-${process.pid}`);
  try {
    for (const name of ["binding.gyp", "package.json", "src", "vendor"]) {
      cpSync(path.join(source, name), path.join(folder, name), { recursive: true });
    }
    const env = { ...process.env, PATH: `${path.dirname(node24)}${path.delimiter}${process.env["PATH"] ?? ""}` };
    const { code, output } = await run(node24, [gyp, "rebuild", `--nodedir=${headers}`], { cwd: folder, env });
    const built = path.join(folder, "build", "Release", binaryName);
    if (code !== 0 || !existsSync(built)) throw new Error(compilerMessage(output) ?? `node-gyp ended with ${code}`);
    const target = path.join(source, "build", "Release");
    mkdirSync(target, { recursive: true });
    const staged = path.join(target, `${binaryName}.${process.pid}`);
    cpSync(built, staged);
    renameSync(staged, path.join(target, binaryName));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compilerMessage(output) {
  const lines = output.split("\n");
  return lines.find((line) => /(^|\s)error[:!]|gyp ERR! stack Error|not found/i.test(line))?.trim();
}

/** The folder that has include/node/node.h, or null. */
function headersOf(root, node24) {
  const candidates = [findNodePackage(root), path.dirname(path.dirname(node24))];
  return candidates.find((folder) => folder !== null && existsSync(path.join(folder, "include/node/node.h"))) ?? null;
}

function inputsOf(root) {
  const { version } = JSON.parse(readFileSync(path.join(root, "node_modules", "tree-sitter", "package.json"), "utf8"));
  return [version, process.platform, process.arch].join(" ");
}

function readStamp(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
}

function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"], timeout: compileTimeoutMs });
    let output = "";
    const keep = (chunk) => {
      output += String(chunk);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? signal, output }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const log = (line) => process.stderr.write(`${line}\n`);
  const { runtime, why } = await buildGrammars({ root, node24: findNode24(root), log });
  process.stdout.write(`${runtime}: ${why}\n`);
}
