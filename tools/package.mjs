// Builds dist/precis-<platform>.vsix: stages exactly what the extension needs at run time, then lets vsce pack it.
// Skipped when nothing that goes in has changed.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildAll } from "./build.mjs";
import { findNode24 } from "./node24.mjs";
import { whenChanged } from "./stamp.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const platform = `${process.platform}-${process.arch}`;

/** Where the packed extension of this platform is. */
export const vsixFile = path.join(root, "dist", `precis-${platform}.vsix`);

/** What is packed as it is. Source maps stay out: they would double the size of the bundles. */
const ownFiles = [
  "dist/extension.cjs",
  "dist/engine.mjs",
  "dist/parseWorker.mjs",
  "dist/download.mjs",
  "dist/webview",
  "dist/native/precis.node",
  "grammars",
  "l10n",
  "package.nls.json",
  "package.nls.de.json",
  "models/catalogue.json",
  "models/code",
  "models/runtimes.json",
  "models/scorer",
  "media",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
];
const optionalFiles = ["README.md", "LICENSE", "CHANGELOG.md"];

/** node-llama-cpp's names of its library packages, by Node's name of the platform. CUDA is a download of its own. */
const libraryPackages = {
  "darwin-arm64": ["mac-arm64-metal"],
  "darwin-x64": ["mac-x64"],
  "linux-arm64": ["linux-arm64"],
  "linux-x64": ["linux-x64", "linux-x64-vulkan"],
  "win32-arm64": ["win-arm64"],
  "win32-x64": ["win-x64", "win-x64-vulkan"],
};

/** Brings the .vsix up to date and returns its path. `log` gets one line per step that runs. */
export async function buildPackage({ log }) {
  const started = Date.now();
  const built = await whenChanged(
    {
      root,
      name: "package",
      inputs: [...ownFiles, "package.json", "package-lock.json", "tools/package.mjs", "node_modules/tree-sitter/build"],
      outputs: [path.relative(root, vsixFile)],
      log,
    },
    async () => {
      const folder = path.join(root, "dist", "stage");
      rmSync(folder, { recursive: true, force: true });
      await stage(folder);
      await pack(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  );
  if (built) {
    const megabytes = (statSync(vsixFile).size / 1e6).toFixed(1);
    log(`${path.relative(root, vsixFile)}: ${megabytes} MB, ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
  return vsixFile;
}

async function stage(folder) {
  for (const name of ownFiles) {
    const source = path.join(root, name);
    if (!existsSync(source)) {
      if (optionalFiles.includes(name)) continue;
      throw new Error(`${name} is missing; run "npm run build" first`);
    }
    cpSync(source, path.join(folder, name), { recursive: true, filter: isShipped });
  }
  stageNodeLlamaCpp(folder, await importedFiles("node-llama-cpp"));
  stageGrammars(folder);
  writeManifests(folder);
}

function isShipped(file) {
  return !/\.map$|\/fixture\.[^/]+$|\.d\.[cm]?ts$/.test(file.split(path.sep).join("/"));
}

/** Every file that importing a package can load, relative to the root. */
async function importedFiles(name) {
  const { build } = await import("esbuild");
  const { metafile } = await build({
    absWorkingDir: root,
    stdin: { contents: `import("${name}")`, resolveDir: root },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    outdir: path.join(root, "dist", "stage"),
    write: false,
    metafile: true,
    logLevel: "error",
    external: ["@node-llama-cpp/*"],
    loader: { ".node": "empty" },
  });
  return Object.keys(metafile.inputs).filter((file) => file.startsWith("node_modules/"));
}

function stageNodeLlamaCpp(folder, files) {
  for (const file of files) copy(folder, file);
  for (const name of new Set(files.map(packageOf))) copyFacts(folder, name);
  // A package.json further down only says which kind of module the files next to it are; without it they do not load.
  for (const name of new Set(files.flatMap((file) => foldersWithin(packageOf(file), file)))) {
    copy(folder, `${name}/package.json`);
  }
  // Read at run time besides the modules; the sources and the release bundle next to them are for building only.
  for (const name of ["grammars", "binariesGithubRelease.json", "llama.cpp.info.json", "package.json"]) {
    copy(folder, `node_modules/node-llama-cpp/llama/${name}`);
  }
  const libraries = libraryPackages[platform] ?? [];
  for (const library of libraries.map((name) => `node_modules/@node-llama-cpp/${name}`)) {
    if (!existsSync(path.join(root, library))) throw new Error(`${library} is not installed for ${platform}`);
    copyFacts(folder, library);
    copy(folder, `${library}/dist`);
    // The addon of node-llama-cpp itself, and what only that links to, are replaced by our own.
    copy(folder, `${library}/bins`, (file) => !/llama-addon\.node$|llama-common/.test(file));
  }
}

function stageGrammars(folder) {
  const rows = JSON.parse(readFileSync(path.join(root, "grammars", "languages.json"), "utf8"));
  for (const name of ["tree-sitter", ...new Set(rows.map((row) => row.package))]) {
    const source = `node_modules/${name}`;
    copyFacts(folder, source);
    copy(folder, `${source}/prebuilds/${platform}`);
    copy(folder, `${source}/build/Release`, (file) => path.extname(file) === "" || file.endsWith(".node"));
  }
  for (const row of rows) if (row.wasm !== "") copy(folder, `node_modules/${row.package}/${row.wasm}`);
  copy(folder, "node_modules/tree-sitter/index.js");
  for (const file of ["index.js", "node-gyp-build.js"]) copy(folder, `node_modules/node-gyp-build/${file}`);
  copyFacts(folder, "node_modules/node-gyp-build");
  copyFacts(folder, "node_modules/web-tree-sitter");
  for (const file of ["web-tree-sitter.js", "web-tree-sitter.cjs", "web-tree-sitter.wasm"]) {
    copy(folder, `node_modules/web-tree-sitter/${file}`);
  }
}

/** Copies a file or folder that may be missing. */
function copy(folder, name, filter = () => true) {
  const source = path.join(root, name);
  if (!existsSync(source)) return;
  const wanted = (file) => isShipped(file) && filter(file);
  cpSync(source, path.join(folder, name), { recursive: true, filter: wanted, dereference: true });
}

/** A package's manifest and licence. */
function copyFacts(folder, name) {
  for (const file of readdirSync(path.join(root, name))) {
    if (/^(package\.json|(licen[cs]e|notice|copying)([.-].*)?)$/i.test(file)) copy(folder, `${name}/${file}`);
  }
}

/** node_modules/a/node_modules/@b/c of a file in there. */
function packageOf(file) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file;
}

/** The folders between a package and a file in it. */
function foldersWithin(name, file) {
  const parts = path.posix.dirname(file.slice(name.length + 1)).split("/");
  return parts.map((_, index) => [name, ...parts.slice(0, index + 1)].join("/"));
}

/** vsce packs what the manifests list, so each lists what is staged below it, and nothing else. */
function writeManifests(folder) {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  for (const name of ["scripts", "devDependencies", "optionalDependencies", "bin", "private"]) delete manifest[name];
  manifest.dependencies = writeDependencies(path.join(folder, "node_modules"));
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest, null, 2));
}

function writeDependencies(modules) {
  const dependencies = {};
  for (const name of packagesIn(modules)) {
    const file = path.join(modules, name, "package.json");
    const manifest = JSON.parse(readFileSync(file, "utf8"));
    for (const key of ["devDependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta"]) {
      delete manifest[key];
    }
    delete manifest.scripts;
    manifest.dependencies = writeDependencies(path.join(modules, name, "node_modules"));
    writeFileSync(file, JSON.stringify(manifest, null, 2));
    dependencies[name] = manifest.version;
  }
  return dependencies;
}

function packagesIn(modules) {
  if (!existsSync(modules)) return [];
  return readdirSync(modules).flatMap((name) =>
    name.startsWith("@") ? readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  );
}

async function pack(folder) {
  const { createVSIX } = await import("@vscode/vsce");
  mkdirSync(path.dirname(vsixFile), { recursive: true });
  // vsce lists every file and advises to bundle; both matter only when it fails.
  const said = [];
  const { log, warn } = console;
  console.log = console.warn = (...line) => said.push(line.join(" "));
  try {
    await createVSIX({
      cwd: folder,
      packagePath: vsixFile,
      target: platform,
      useYarn: false,
      allowMissingRepository: true,
      skipLicense: true,
      rewriteRelativeLinks: false,
    });
  } catch (error) {
    throw new Error([error instanceof Error ? error.message : String(error), ...said].join("\n"), { cause: error });
  } finally {
    Object.assign(console, { log, warn });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const node24 = findNode24(root);
  if (node24 !== process.execPath) {
    // vsce needs a newer Node than the one that npm may run on.
    process.exitCode = spawnSync(node24, process.argv.slice(1), { stdio: "inherit" }).status ?? 1;
  } else {
    const log = (line) => process.stderr.write(`${line}\n`);
    try {
      await buildAll({ log });
      await buildPackage({ log });
    } catch (error) {
      log(`packaging failed: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  }
}
