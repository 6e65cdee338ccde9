/**
 * The editor that the tests run in: the npm package code-server carries the real VS Code server and its web workbench.
 * It is installed once into test/editor/.host and reused as long as the pinned versions stay the same.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { access, constants, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** code-server 4.139.1 carries VS Code 1.139.1. */
export const codeServerVersion = "4.139.1";

/**
 * Installs the editor host when it is missing or of another version.
 *
 * @param {{ root: string, node: string, log: (line: string) => void }} options root of the repository, a Node 24 binary
 * @returns {Promise<{ entry: string }>} the script that starts the server
 */
export async function ensureEditorHost({ root, node, log }) {
  const folder = path.join(root, "test", "editor", ".host");
  const codeServer = path.join(folder, "node_modules", "code-server");
  const entry = path.join(codeServer, "out", "node", "entry.js");
  const stampFile = path.join(folder, "stamp.json");
  const stamp = JSON.stringify({ codeServerVersion });
  if (existsSync(entry) && (await readFile(stampFile, "utf8").catch(() => "")) === stamp) return { entry };

  log(`editor host: installing code-server ${codeServerVersion} into ${path.relative(root, folder)}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // A package.json of its own keeps npm from walking up to the repository's.
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ private: true }));
  const npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"];
  const vscode = path.join(codeServer, "lib", "vscode");
  await run([...npm, `code-server@${codeServerVersion}`], folder, node);
  await run([...npm, "--omit=dev"], vscode, node);
  await run([...npm, "--omit=dev"], path.join(vscode, "extensions"), node);
  await writeFile(stampFile, stamp);
  return { entry };
}

/**
 * A Chromium for the UI tests: $PRECIS_CHROME, then an installed one, then one installed here.
 *
 * @param {{ root: string, node: string, log: (line: string) => void }} options
 * @returns {Promise<string>} path of the executable
 */
export async function ensureBrowser({ root, node, log }) {
  const chosen = process.env["PRECIS_CHROME"];
  if (chosen !== undefined && chosen !== "") {
    if (await isExecutable(chosen)) return chosen;
    throw new Error(`PRECIS_CHROME names ${chosen}, which is not an executable file.`);
  }
  const installed = await installedBrowser(root);
  if (installed !== null) return installed;

  if (process.platform === "linux" && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    log("editor tests: installing chromium with apt-get");
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const problem = await run(["apt-get", "update"], root, node, env)
      .then(() => run(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], root, node, env))
      .then(
        () => null,
        (error) => error,
      );
    if (problem !== null) log(`editor tests: ${problem.message}`);
    const found = await installedBrowser(root);
    if (found !== null) return found;
  }

  log("editor tests: downloading chromium with playwright");
  const cli = path.join(root, "node_modules", "playwright-core", "cli.js");
  const env = { ...process.env, PLAYWRIGHT_BROWSERS_PATH: playwrightFolder(root) };
  const problem = await run([node, cli, "install", "chromium"], root, node, env).then(
    () => null,
    (error) => error,
  );
  const found = await installedBrowser(root);
  if (found !== null) return found;
  throw new Error(
    "No Chromium was found and none could be installed. Install chromium or Chrome, or set PRECIS_CHROME to the path " +
      `of one.${problem === null ? "" : ` (${problem.message})`}`,
  );
}

const linuxNames = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];
const fixedPlaces = {
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
  ],
  win32: [
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
  ],
};

async function installedBrowser(root) {
  const onPath = (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((folder) => folder !== "")
    .flatMap((folder) => linuxNames.map((name) => path.join(folder, name)));
  for (const candidate of [...onPath, ...(fixedPlaces[process.platform] ?? []), ...(await downloadedBrowsers(root))]) {
    if (await isExecutable(candidate)) return candidate;
  }
  return null;
}

function playwrightFolder(root) {
  return path.join(root, ".cache", "playwright");
}

/** Where playwright puts the executable differs by platform and version, so it is looked for by name. */
async function downloadedBrowsers(root) {
  const names = new Set(["chrome", "chromium", "Chromium", "Google Chrome for Testing", "chrome.exe"]);
  const entries = await readdir(playwrightFolder(root), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && names.has(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

async function isExecutable(file) {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Runs a command with Node 24 first on the PATH; its output is shown only when it fails. */
function run(command, cwd, node, env = process.env) {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...env, PATH: `${path.dirname(node)}${path.delimiter}${env["PATH"] ?? ""}` },
      shell: process.platform === "win32",
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const keep = (chunk) => {
      output = (output + String(chunk)).slice(-4000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command.join(" ")} ended with ${code}:\n${output}`));
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
  const options = { root, node: process.execPath, log: (line) => process.stderr.write(`${line}\n`) };
  const { entry } = await ensureEditorHost(options);
  process.stdout.write(`${entry}\n${await ensureBrowser(options)}\n`);
}
