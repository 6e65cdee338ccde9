// Builds the native addon (native/core + native/binding → dist/native/precis.node) and the C++ test program with the
// C++ compiler alone. Plain Node ≥ 20, no dependencies. Objects are named by the hash of what goes into them, so a run
// with unchanged inputs compiles nothing.
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Builds the addon where an input has changed.
 * @param {{ root: string, log?: (line: string) => void }} options root: the folder of package.json
 * @returns {Promise<string>} the path of precis.node
 */
export async function buildNative({ root, log = () => {} }) {
  const toolchain = await findToolchain(root, log);
  const sources = [
    ...(await filesBelow(join(root, "native/core"))),
    ...(await filesBelow(join(root, "native/binding"))),
  ];
  const link =
    process.platform === "darwin"
      ? ["-bundle", "-undefined", "dynamic_lookup"]
      : ["-shared", ...(process.platform === "linux" ? ["-ldl", "-pthread"] : [])];
  return build({
    root,
    log,
    toolchain,
    sources,
    compile: ["-O3", "-fPIC", "-fvisibility=hidden"],
    link,
    strict: false,
    output: join(root, "dist/native/precis.node"),
  });
}

/**
 * Builds native/core with the C++ tests of test/native.
 * @param {{ root: string, log?: (line: string) => void, sanitize?: boolean }} options sanitize: with AddressSanitizer
 *   and UndefinedBehaviorSanitizer
 * @returns {Promise<string>} the path of the test program
 */
export async function buildNativeTests({ root, log = () => {}, sanitize = false }) {
  const toolchain = await findToolchain(root, log);
  const sources = [...(await filesBelow(join(root, "native/core"))), ...(await filesBelow(join(root, "test/native")))];
  const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  return build({
    root,
    log,
    toolchain,
    sources,
    compile: sanitize ? ["-O1", "-g1", "-fno-omit-frame-pointer", ...sanitizers] : ["-O2"],
    link: [...(process.platform === "linux" ? ["-ldl", "-pthread"] : []), ...(sanitize ? sanitizers : [])],
    strict: true,
    output: join(root, "native/build", sanitize ? "core-test-sanitized" : "core-test"),
  });
}

/** Compiles what changed and links; returns the output's path. */
async function build({ root, log, toolchain, sources, compile, link, strict, output }) {
  const folder = join(root, "native/build");
  await mkdir(folder, { recursive: true });
  await mkdir(dirname(output), { recursive: true });
  const contents = new Map();
  await Promise.all(sources.map(async (file) => contents.set(file, await readFile(file))));
  const flags = [...toolchain.flags, ...compile];
  const headers = sources.filter((file) => file.endsWith(".h"));
  const common = hashOf(
    toolchain.identity,
    flags.join("\n"),
    ...headers.flatMap((file) => [relative(root, file), contents.get(file)]),
  );
  const objects = sources
    .filter((file) => file.endsWith(".cpp"))
    .map((file) => ({
      source: file,
      object: join(
        folder,
        `${relative(root, file)
          .replaceAll(/[\\/]/g, "-")
          .replace(/\.cpp$/, "")}.${hashOf(common, contents.get(file))}.o`,
      ),
    }));

  const key = hashOf(link.join("\n"), ...objects.map(({ object }) => relative(root, object)));
  const keyFile = join(folder, `${relative(root, output).replaceAll(/[\\/]/g, "-")}.key`);
  if (existsSync(output) && (await readIfThere(keyFile)) === (await outputKey(key, output))) return output;

  const missing = objects.filter(({ object }) => !existsSync(object));
  log(`native: compiling ${missing.length} of ${objects.length} files → ${relative(root, output)}`);
  await inParallel(missing, availableParallelism(), async ({ source, object }) => {
    const partial = `${object}.${randomUUID()}`;
    const args = [...flags, "-c", source, "-o", partial];
    try {
      await compiler(toolchain, [...args, "-Werror"]);
    } catch (failure) {
      if (strict) throw failure;
      // A compiler that we have not seen may warn of more; that must not keep a user from building.
      await compiler(toolchain, args);
    }
    await rename(partial, object);
  });
  const partial = `${output}.${randomUUID()}`;
  await compiler(toolchain, [...objects.map(({ object }) => object), "-o", partial, ...link]);
  await rename(partial, output);
  await writeFile(keyFile, await outputKey(key, output));
  await removeOldObjects(folder, objects);
  return output;
}

/** Compiler, flags for all files, and a text that changes when either does. */
async function findToolchain(root, log) {
  if (process.platform === "win32") {
    throw new Error("Building the native addon from source is not supported on Windows; use a packaged release.");
  }
  const require = createRequire(join(root, "package.json"));
  const llama = join(root, "node_modules/node-llama-cpp/llama");
  const { release } = JSON.parse(await readFile(join(llama, "binariesGithubRelease.json"), "utf8"));
  const headers = await extractHeaders(root, join(llama, "gitRelease.bundle"), release, log);
  const path = findCompiler();
  const includes = [
    join(headers, "include"),
    join(headers, "ggml/include"),
    dirname(require.resolve("node-addon-api/napi.h")),
    require("node-api-headers").include_dir,
  ];
  const flags = [
    "-std=c++17",
    "-Wall",
    "-Wextra",
    "-DNAPI_VERSION=8",
    "-DNAPI_CPP_EXCEPTIONS",
    "-DNODE_ADDON_API_DISABLE_DEPRECATED",
    `-DPRECIS_LLAMA_RELEASE="${release}"`,
    `-I${join(root, "native/core")}`,
    ...includes.flatMap((folder) => ["-isystem", folder]),
  ];
  // Size and time stand for the compiler's version; asking it would cost more than the rest of an unchanged run.
  const { size, mtimeMs } = await stat(path);
  return { path, flags, identity: `${path} ${size} ${mtimeMs} ${process.platform} ${process.arch}` };
}

function findCompiler() {
  const names = process.env["CXX"] ? [process.env["CXX"]] : ["c++", "g++", "clang++"];
  for (const name of names) {
    const path = findProgram(name);
    if (path) return path;
  }
  throw new Error(
    `No C++ compiler found (looked for ${names.join(", ")}). Install one: "apt install g++" on Debian and Ubuntu, ` +
      `"xcode-select --install" on macOS; or set CXX to its path.`,
  );
}

function findProgram(name) {
  if (/[\\/]/.test(name)) return existsSync(name) ? resolve(name) : undefined;
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** The headers of the llama.cpp release whose libraries node-llama-cpp ships, out of the git bundle next to them. */
async function extractHeaders(root, bundle, release, log) {
  const target = join(root, "native/.llama", release);
  if (existsSync(join(target, "include/llama.h"))) return target;
  if (!findProgram("git")) throw new Error(`git is needed to unpack ${bundle}, but it is not installed.`);
  log(`native: unpacking the headers of llama.cpp ${release}`);
  // Variables such as GIT_DIR, set while a git hook runs, would point git elsewhere.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  const work = await mkdtemp(join(tmpdir(), "precis-llama-"));
  try {
    const repository = join(work, "llama.git");
    const unpacked = join(work, "headers");
    await mkdir(unpacked);
    await run("git", ["clone", "--quiet", "--bare", bundle, repository], { env });
    const checkout = ["checkout", "--quiet", "HEAD", "--", "include", "ggml/include"];
    await run("git", [`--git-dir=${repository}`, `--work-tree=${unpacked}`, ...checkout], { env });
    await mkdir(dirname(target), { recursive: true });
    await moveFolder(unpacked, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return target;
}

/** Another process may have put the same folder there meanwhile; then theirs stays. */
async function moveFolder(from, to) {
  const staged = `${to}.${randomUUID()}`;
  const { cp } = await import("node:fs/promises");
  await cp(from, staged, { recursive: true });
  try {
    await rename(staged, to);
  } catch (failure) {
    await rm(staged, { recursive: true, force: true });
    if (!existsSync(join(to, "include/llama.h"))) throw failure;
  }
}

async function compiler(toolchain, args) {
  try {
    const { stderr } = await run(toolchain.path, args, { maxBuffer: 64 * 1024 * 1024 });
    if (stderr) process.stderr.write(stderr);
  } catch (failure) {
    throw new Error(`the C++ compiler failed:\n${failure.stderr || failure.message}`);
  }
}

async function filesBelow(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(cpp|h)$/.test(entry.name))
    .map((entry) => join(folder, entry.name))
    .sort();
}

async function removeOldObjects(folder, objects) {
  const current = new Map(objects.map(({ object }) => [stemOf(object), object]));
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const replacement = current.get(stemOf(path));
    // Objects of the other builds (addon, tests, sanitised tests) differ only in their hash: keep what is recent.
    const dayMs = 24 * 60 * 60 * 1000;
    if (!name.endsWith(".o") || !replacement || replacement === path) continue;
    if (Date.now() - (await stat(path)).mtimeMs > dayMs) await rm(path, { force: true });
  }
}

const stemOf = (object) => object.replace(/\.[0-9a-f]+\.o$/, "");

async function outputKey(key, output) {
  return `${key} ${(await stat(output)).size}\n`;
}

async function readIfThere(file) {
  return existsSync(file) ? readFile(file, "utf8") : undefined;
}

function hashOf(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 24);
}

async function inParallel(items, limit, work) {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  await buildNative({ root, log: (line) => console.error(line) });
}
