import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineClient } from "../client/engineClient.ts";
import type { EngineCommand } from "../client/engineProcess.ts";
import { unreachable } from "../base/unreachable.ts";
import type { EngineEvents } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import { english } from "../protocol/sentence.ts";
import { rankerNames } from "../protocol/settings.ts";
import type { Device, EvictorName, RankerName } from "../protocol/settings.ts";
import { defaultStorageFolder } from "./storageFolder.ts";
import type { Terminal } from "./terminal.ts";

/** Options that every command has, as commander hands them over. */
export interface EngineOptions {
  readonly storage?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** Options of commands that work on a repository. */
export interface SharedOptions extends EngineOptions {
  readonly repo: string;
  readonly ignore: readonly string[];
  readonly model?: string;
  readonly scorer?: string;
  readonly device?: Device;
  readonly keep?: number;
  readonly evictor?: EvictorName;
  /** Settings of one command alone. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** What a command works with besides its own options. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted by Ctrl+C and when nobody reads the results any more. */
  readonly signal: AbortSignal;
  /** Gets the engine's process id, so that a second Ctrl+C can kill it. */
  readonly onEngine: (pid: number) => void;
}

/** Starts the engine with the repository open, runs `work`, and ends the engine whatever happens. */
export function withEngine<T>(
  options: SharedOptions,
  context: CommandContext,
  work: (client: EngineClient) => Promise<T>,
): Promise<T> {
  return withBareEngine(options, context, async (client) => {
    await client.openWorkspace({ folder: resolve(options.repo), excludeGlobs: [] });
    return work(client);
  });
}

/** The same without a repository. */
export async function withBareEngine<T>(
  options: EngineOptions & Partial<SharedOptions>,
  context: CommandContext,
  work: (client: EngineClient) => Promise<T>,
): Promise<T> {
  const { terminal } = context;
  const client = new EngineClient({
    ...engineCommand(),
    storageFolder: resolve(options.storage ?? defaultStorageFolder()),
    settings: () => settingsOf(options),
    onStderrLine: (line) => {
      if (options.verbose) terminal.note(line);
    },
  });
  client.onStateChanged((state) => {
    if (state.kind === "ready") context.onEngine(state.pid);
  });
  client.on("indexProgress", (progress) => {
    terminal.progress(phaseLabel(progress.phase), progress.filesDone, progress.filesTotal);
  });
  client.on("log", ({ level, message }) => {
    if (options.verbose || level === "warning" || level === "error") terminal.note(`${level}: ${message}`);
  });
  try {
    for (const problem of await client.configure()) terminal.note(`warning: ${english(problem)}`);
    return await work(client);
  } finally {
    terminal.clearProgress();
    await client.dispose();
  }
}

/** Fails with `rankerUnknown`. */
export function rankerOf(name: string | undefined): RankerName | undefined {
  if (name === undefined) return undefined;
  const known = rankerNames.find((ranker) => ranker === name);
  if (known === undefined) throw new Failure("rankerUnknown", `${name} is none of ${rankerNames.join(", ")}`);
  return known;
}

function engineCommand(): EngineCommand {
  const fromSource = import.meta.url.endsWith(".ts");
  const file = fileURLToPath(new URL(fromSource ? "../engine/main.ts" : "./engine.mjs", import.meta.url));
  return {
    command: process.execPath,
    args: ["--disable-warning=ExperimentalWarning", file],
    env: process.env,
  };
}

function settingsOf(options: EngineOptions & Partial<SharedOptions>): Readonly<Record<string, unknown>> {
  return {
    "index.ignoreGlobs": options.ignore ?? [],
    ...(options.model === undefined ? {} : { "model.assistant": resolve(options.model) }),
    ...(options.scorer === undefined ? {} : { "model.scorer": resolve(options.scorer) }),
    ...(options.device === undefined ? {} : { "engine.device": options.device }),
    ...(options.keep === undefined ? {} : { "kv.keepRatio": options.keep }),
    ...(options.evictor === undefined ? {} : { "kv.evictor": options.evictor }),
    ...options.settings,
  };
}

function phaseLabel(phase: EngineEvents["indexProgress"]["phase"]): string {
  switch (phase) {
    case "walk":
      return "Looking for files:";
    case "parse":
      return "Indexing: file";
    case "write":
      return "Writing the index: file";
    default:
      return unreachable(phase);
  }
}
