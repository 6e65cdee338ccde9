import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import {
  CancellationTokenSource,
  createMessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import type { MessageConnection } from "vscode-jsonrpc/node";
import type { EngineEvent, EngineEvents, EngineMethod, ParamsOf, ResultOf } from "../protocol/engine.ts";
import { Failure, isFailureCode } from "../protocol/failure.ts";

/** The last lines of standard error that a crash report shows. */
const stderrTailLines = 12;
/** After the exit, how long the child's pipes may take to hand over what they still hold. */
const drainMs = 500;
/** How long a child that was asked to end may take before it is killed. */
const graceMs = 2_000;

export interface EngineCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface EngineProcessListeners {
  readonly event: <E extends EngineEvent>(event: E, payload: EngineEvents[E]) => void;
  readonly stderrLine: (line: string) => void;
}

/** One engine child: JSON-RPC over its standard input and output, its log on standard error. Used once. */
export class EngineProcess {
  /** Resolves, and never rejects, once the child is gone and every waiting request has been rejected. */
  readonly exited: Promise<Failure>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #connection: MessageConnection;
  readonly #waiting = new Set<(failure: Failure) => void>();
  readonly #stderrTail: string[] = [];
  #ending: Failure | null = null;
  #gone: Failure | null = null;

  constructor(command: EngineCommand, listeners: EngineProcessListeners) {
    this.#child = spawn(command.command, command.args, { env: command.env, windowsHide: true });
    this.exited = this.#watchExit();
    const { stdin, stdout, stderr } = this.#child;
    createInterface({ input: stderr }).on("line", (line) => {
      this.#stderrTail.push(line);
      if (this.#stderrTail.length > stderrTailLines) this.#stderrTail.shift();
      listeners.stderrLine(line);
    });
    // A child that dies while it is written to fails the pipe; the exit itself is what gets reported.
    for (const stream of [stdin, stdout, stderr]) {
      stream.on("error", (error) => {
        listeners.stderrLine(`pipe: ${error.message}`);
      });
    }
    const reader = new StreamMessageReader(stdout);
    // Off: its timer would keep this process alive for ever when the child is killed within a message.
    reader.partialMessageTimeout = 0;
    this.#connection = createMessageConnection(reader, new StreamMessageWriter(stdin));
    this.#connection.onNotification((method, params) => {
      // Both ends are of one version: hello has checked it.
      listeners.event(method as EngineEvent, params as EngineEvents[EngineEvent]);
    });
    this.#connection.onError(([error]) => {
      listeners.stderrLine(`protocol: ${error.message}`);
    });
    this.#connection.onClose(() => {
      // Without its standard output a child cannot answer any more.
      this.#child.kill("SIGKILL");
    });
    this.#connection.listen();
  }

  /** 0 when the program could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** True once requests cannot be answered any more. */
  get isGone(): boolean {
    return this.#gone !== null;
  }

  /** Rejects with a Failure: the engine's own, or why the child is gone. Cancelling is a request, not an end. */
  request<M extends EngineMethod>(method: M, params: ParamsOf<M>, signal?: AbortSignal): Promise<ResultOf<M>> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== null) {
        reject(this.#gone);
        return;
      }
      const source = new CancellationTokenSource();
      const cancel = (): void => {
        source.cancel();
      };
      signal?.addEventListener("abort", cancel, { once: true });
      if (signal?.aborted === true) cancel();
      const settle = (): void => {
        this.#waiting.delete(rejectWaiting);
        signal?.removeEventListener("abort", cancel);
        source.dispose();
      };
      const rejectWaiting = (failure: Failure): void => {
        settle();
        reject(failure);
      };
      this.#waiting.add(rejectWaiting);
      this.#connection.sendRequest<ResultOf<M>>(method, params, source.token).then(
        (result) => {
          settle();
          resolve(result);
        },
        (thrown: unknown) => {
          const failure = failureOfResponse(thrown);
          // A broken connection is only a symptom: the exit that follows rejects with the cause.
          if (failure !== null) rejectWaiting(failure);
        },
      );
    });
  }

  /** Asks the child to end, and kills it if it does not; `why` is what waiting requests are rejected with. */
  async end(why: Failure): Promise<void> {
    this.#ending ??= why;
    this.#child.stdin.end();
    const timer = setTimeout(() => {
      this.#child.kill("SIGKILL");
    }, graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** Ends the child at once, also a stopped one; `why` is what waiting requests are rejected with. */
  kill(why: Failure): void {
    this.#ending ??= why;
    this.#child.kill("SIGKILL");
  }

  async #watchExit(): Promise<Failure> {
    const how = await new Promise<string>((resolve) => {
      this.#child.once("error", (error) => {
        resolve(error.message);
      });
      this.#child.once("exit", (code, signal) => {
        const text = signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
        const timer = setTimeout(() => {
          resolve(text);
        }, drainMs);
        this.#child.once("close", () => {
          clearTimeout(timer);
          resolve(text);
        });
      });
    });
    const failure = this.#ending ?? new Failure("engineCrashed", [how, ...this.#stderrTail].join("\n"));
    this.#gone = failure;
    for (const reject of [...this.#waiting]) reject(failure);
    this.#connection.dispose();
    return failure;
  }
}

/** Null where the connection broke instead of answering. */
function failureOfResponse(thrown: unknown): Failure | null {
  if (!(thrown instanceof ResponseError)) return null;
  const data: unknown = thrown.data;
  if (typeof data === "object" && data !== null && "code" in data && isFailureCode(data.code)) {
    return new Failure(data.code, "detail" in data && typeof data.detail === "string" ? data.detail : "");
  }
  const brokenConnection = thrown.code <= -32096 && thrown.code >= -32099;
  return brokenConnection ? null : new Failure("internal", thrown.message);
}
