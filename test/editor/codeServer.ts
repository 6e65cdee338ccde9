/** A VS Code server with its own home, settings and extensions, for one test file. Nothing of the machine is used. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { installedExtension, vsixFile } from "./installedExtension.ts";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const fixtureWorkspace = path.join(root, "test", "fixtures", "workspace");

const startTimeoutMs = 60_000;
const stopTimeoutMs = 5_000;

/** Quiet, and the same on every machine. */
const baseSettings: Readonly<Record<string, unknown>> = {
  "workbench.startupEditor": "none",
  "telemetry.telemetryLevel": "off",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "chat.disableAIFeatures": true,
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "git.enabled": false,
  "workbench.colorTheme": "Default Dark Modern",
};

/** Settings of machine scope: the window is a remote one, where they count from the server's own file. */
const baseMachineSettings: Readonly<Record<string, unknown>> = {
  // Threads that wait for each other stand still on a machine that also runs a server, a browser and other tests.
  "precis.engine.threads": 1,
  "precis.engine.device": "cpu",
};

export interface EditorSettings {
  readonly user?: Readonly<Record<string, unknown>>;
  /** Settings of machine scope, such as the model and the device. */
  readonly machine?: Readonly<Record<string, unknown>>;
}

export interface CodeServerOptions {
  /** The server's script, from tools/editorHost.mjs. */
  readonly entry: string;
  readonly settings?: EditorSettings;
  /** Lets a test runner in the extension host end the run. It also hides notifications. */
  readonly smokeTestDriver?: boolean;
  /** Further files of the workspace, by their paths in it. */
  readonly files?: Readonly<Record<string, string>>;
  /** True: a folder is not trusted until a person says so. */
  readonly asksForTrust?: boolean;
  /**
   * `shared` (the default): as it is installed for all tests; `own`: installed now, which takes its time; `none`: the
   * server is started without Precis, to compare with.
   */
  readonly extension?: "shared" | "own" | "none";
}

/** A running server. `close` ends it and deletes its folders. */
export class CodeServer {
  readonly url: string;
  /** A copy of the fixture workspace that tests may change. */
  readonly workspace: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #output: () => string;

  private constructor(parts: { url: string; folder: string; child: ChildProcess; output: () => string }) {
    this.url = parts.url;
    this.#folder = parts.folder;
    this.workspace = path.join(parts.folder, "greenhouse");
    this.#child = parts.child;
    this.#output = parts.output;
  }

  static async start(options: CodeServerOptions): Promise<CodeServer> {
    const folder = await mkdtemp(path.join(os.tmpdir(), "precis-editor-"));
    try {
      await cp(fixtureWorkspace, path.join(folder, "greenhouse"), { recursive: true });
      // Only here: a secret in the repository, even a made-up one, would worry whoever finds it.
      await writeFile(path.join(folder, "greenhouse", ".env"), "VALVE_PASSWORD=made-up\n");
      for (const [file, text] of Object.entries(options.files ?? {})) {
        await mkdir(path.dirname(path.join(folder, "greenhouse", file)), { recursive: true });
        await writeFile(path.join(folder, "greenhouse", file), text);
      }
      await mkdir(path.join(folder, "home"), { recursive: true });
      await writeSettings(folder, options.settings ?? {});
      const own = path.join(folder, "extensions");
      const install = (vsix: string, extensions: string): Promise<void> =>
        runToEnd(options.entry, ["--install-extension", vsix, "--force", ...folders(folder, extensions)], folder);
      const { extension = "shared" } = options;
      if (extension === "own") await install(vsixFile, own);
      return await launch(options, folder, extension === "shared" ? await installedExtension(install) : own);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }

    async function launch(
      { entry, ...options }: CodeServerOptions,
      home: string,
      extensions: string,
    ): Promise<CodeServer> {
      const port = await freePort();
      const args = [
        ...["--auth", "none", "--bind-addr", `127.0.0.1:${port}`, "--disable-telemetry", "--disable-update-check"],
        ...(options.asksForTrust === true ? [] : ["--disable-workspace-trust"]),
        ...["--disable-getting-started-override", "--disable-proxy"],
        ...["--ignore-last-opened", ...folders(home, extensions)],
        ...(options.smokeTestDriver === true ? ["--vscode-option", "enable-smoke-test-driver"] : []),
      ];
      // A process group of its own: extension hosts and engines must not outlive the server.
      const child = spawn(process.execPath, [entry, ...args], { cwd: home, env: cleanEnv(home), detached: true });
      const output = collect(child);
      const url = `http://127.0.0.1:${port}`;
      const server = new CodeServer({ url, folder: home, child, output });
      try {
        await untilHealthy(url, child);
      } catch (error) {
        await server.close();
        throw error;
      }
      return server;
    }
  }

  /** What the server has printed so far. */
  get output(): string {
    return this.#output();
  }

  /** The folder that holds everything of this server. */
  get folder(): string {
    return this.#folder;
  }

  /** Replaces the settings; a running window picks them up. */
  async setSettings(settings: EditorSettings): Promise<void> {
    await writeSettings(this.#folder, settings);
  }

  /** Pids of the engine processes that this server's extension hosts have started (Linux). */
  async enginePids(): Promise<number[]> {
    const pids: number[] = [];
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const commandLine = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
      const isOwn = (await groupOf(name)) === this.#child.pid;
      if (isOwn && /dist\/engine\.mjs/.test(commandLine)) pids.push(Number(name));
    }
    return pids;
  }

  async close(): Promise<void> {
    const { pid } = this.#child;
    if (pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      const timer = setTimeout(() => {
        this.#child.kill("SIGKILL");
      }, stopTimeoutMs);
      await exited;
      clearTimeout(timer);
    }
    if (pid !== undefined) killGroup(pid);
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function folders(folder: string, extensions: string): string[] {
  return ["--user-data-dir", path.join(folder, "user"), "--extensions-dir", extensions];
}

async function writeSettings(folder: string, { user = {}, machine = {} }: EditorSettings): Promise<void> {
  await writeJson(path.join(folder, "user", "User", "settings.json"), { ...baseSettings, ...user });
  await writeJson(path.join(folder, "user", "Machine", "settings.json"), { ...baseMachineSettings, ...machine });
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(value, null, 2));
}

/** Own home and XDG folders, and nothing that an editor around the tests may have set. */
function cleanEnv(folder: string): NodeJS.ProcessEnv {
  const home = path.join(folder, "home");
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(VSCODE_|ELECTRON_|NODE_|XDG_)/.test(name)) env[name] = value;
  }
  return {
    ...env,
    HOME: home,
    XDG_DATA_HOME: path.join(home, "data"),
    XDG_CONFIG_HOME: path.join(home, "config"),
    XDG_CACHE_HOME: path.join(home, "cache"),
    XDG_STATE_HOME: path.join(home, "state"),
  };
}

async function runToEnd(entry: string, args: readonly string[], folder: string): Promise<void> {
  const child = spawn(process.execPath, [entry, ...args], { cwd: folder, env: cleanEnv(folder) });
  const output = collect(child);
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`code-server ${args.join(" ")} ended with ${String(code)}:\n${output()}`);
}

/** The last part of what a child prints. */
function collect(child: ChildProcess): () => string {
  let text = "";
  const keep = (chunk: unknown): void => {
    text = (text + String(chunk)).slice(-20_000);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  return () => text;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

/** Connects until the server answers; a refused connection is tried again at once, a hung one not before it ends. */
async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  const deadline = AbortSignal.timeout(startTimeoutMs);
  while (child.exitCode === null) {
    deadline.throwIfAborted();
    const isHealthy = await fetch(`${url}/healthz`, { signal: deadline }).then(
      (response) => response.ok,
      () => false,
    );
    if (isHealthy) return;
    // There is no event for "the port is open": the pause only keeps the loop from spinning.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the server ended with ${String(child.exitCode)}`);
}

/** The process group of a process: the third field behind its name, which may hold anything. */
async function groupOf(pid: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[2]);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // ESRCH: everything in the group has ended by itself.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
