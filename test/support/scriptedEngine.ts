/**
 * A process that speaks the engine's protocol without doing any of its work, to see how a client deals with engines
 * that behave badly. What it does on `rank` is its first argument: `wait` (until cancelled), `crash`, `hang`,
 * `half` (exits within a message).
 * `refuse` answers hello with another protocol version. It reports what it was told in its answers.
 */
import process from "node:process";
import {
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import type { CancellationToken } from "vscode-jsonrpc/node";
import { protocolVersion } from "../../extension/protocol/engine.ts";
import type { HelloParams, OpenWorkspaceParams } from "../../extension/protocol/engine.ts";

const behaviour = process.argv[2] ?? "wait";
const connection = createMessageConnection(
  new StreamMessageReader(process.stdin),
  new StreamMessageWriter(process.stdout),
);
let workspace: string | null = null;
let settings: unknown = null;

connection.onRequest("hello", (hello: HelloParams) => ({
  protocolVersion: behaviour === "refuse" ? protocolVersion + 1 : protocolVersion,
  engineVersion: `gpu ${hello.gpu ?? "absent"}`,
  pid: process.pid,
}));
connection.onRequest("configure", (raw: unknown) => {
  settings = raw;
  return { problems: [] };
});
connection.onRequest("openWorkspace", (params: OpenWorkspaceParams) => {
  workspace = params.folder;
  return { folder: params.folder };
});
connection.onRequest("ping", () => ({ uptimeMs: 0 }));
connection.onRequest("status", () => ({ workspace, assistant: JSON.stringify(settings) }));
connection.onRequest("rank", async (_: unknown, token: CancellationToken) => {
  switch (behaviour) {
    case "crash":
      process.stderr.write("about to fall over\n", () => process.exit(7));
      return new Promise(() => undefined);
    case "half":
      process.stdout.write('Content-Length: 1000\r\n\r\n{"jsonrpc":', () => process.exit(7));
      return new Promise(() => undefined);
    case "hang":
      process.kill(process.pid, "SIGSTOP");
      return new Promise(() => undefined);
    default:
      await connection.sendNotification("log", { level: "info", message: "ranking" });
      return new Promise((resolve) => {
        token.onCancellationRequested(() => {
          const data = { code: "cancelled", detail: "as asked" };
          resolve(new ResponseError(ErrorCodes.InternalError, "Stopped.", data));
        });
      });
  }
});
process.stdin.once("end", () => process.exit(0));
connection.listen();
