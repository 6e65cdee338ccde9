/** Entry of the engine process: builds the engine, connects it to standard input and output, ends with its parent. */
import { Console } from "node:console";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import type { CancellationToken } from "vscode-jsonrpc/node";
import type { FailureData } from "../protocol/engine.ts";
import { Failure, toFailure } from "../protocol/failure.ts";
import { failureData, isEngineMethod, parseParams } from "../protocol/requests.ts";
import { Engine } from "./engine.ts";

/** How long open work may take to stop before the process ends without it. */
const closeTimeoutMs = 1_500;
const parentPollMs = 2_000;

// Standard output belongs to the protocol: nothing that a library prints may get in between.
globalThis.console = new Console(process.stderr, process.stderr);

let ending = false;
const { root, version } = findPackage(dirname(fileURLToPath(import.meta.url)));
const connection = createMessageConnection(
  new StreamMessageReader(process.stdin),
  new StreamMessageWriter(process.stdout),
);
const engine = new Engine({
  root,
  version,
  emit: (event, payload) => {
    if (!ending) void connection.sendNotification(event, payload);
  },
  onHello: ({ parentPid }) => {
    setInterval(() => {
      if (!isAlive(parentPid)) void end();
    }, parentPollMs).unref();
  },
});

connection.onRequest(async (name: string, params: unknown, token: CancellationToken) => {
  const abort = new AbortController();
  const subscription = token.onCancellationRequested(() => {
    abort.abort();
  });
  if (token.isCancellationRequested) abort.abort();
  try {
    if (!isEngineMethod(name)) throw new Failure("internal", `there is no request named ${name}`);
    return await engine.handle(name, parseParams(name, params), abort.signal);
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.code === "internal") console.error(thrown);
    return new ResponseError<FailureData>(ErrorCodes.InternalError, failure.message, failureData(failure));
  } finally {
    subscription.dispose();
  }
});
connection.onClose(() => void end());
connection.listen();

process.stdin.once("end", () => void end());
process.stdout.once("error", () => void end());
process.once("SIGTERM", () => void end());
process.once("SIGHUP", () => void end());
// A terminal sends Ctrl+C to the whole process group; the client decides what it means.
process.on("SIGINT", () => undefined);

async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  setTimeout(() => {
    // Native threads may still run; only this does not wait for them.
    process.kill(process.pid, "SIGKILL");
  }, closeTimeoutMs).unref();
  await engine.close();
  process.exit(0);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The nearest folder above that holds Precis's own package.json: the same in a source checkout and in the bundle. */
function findPackage(folder: string): { root: string; version: string } {
  const file = join(folder, "package.json");
  if (existsSync(file)) {
    const manifest: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof manifest === "object" && manifest !== null && "name" in manifest && manifest.name === "precis") {
      return { root: folder, version: "version" in manifest ? String(manifest.version) : "unknown" };
    }
  }
  const parent = dirname(folder);
  if (parent === folder) throw new Error("package.json of precis was not found above the engine");
  return findPackage(parent);
}
