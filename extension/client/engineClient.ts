import { untilAborted } from "../base/abortable.ts";
import { Failure, toFailure } from "../protocol/failure.ts";
import type {
  EngineEvent,
  EngineEvents,
  EngineMethod,
  GpuShare,
  OpenWorkspaceParams,
  ParamsOf,
  ResultOf,
} from "../protocol/engine.ts";
import { protocolVersion } from "../protocol/engine.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { EngineCommand, EngineProcess } from "./engineProcess.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { HeartbeatOptions } from "./heartbeat.ts";
import { nextRestartStep } from "./restartLadder.ts";

export interface EngineClientOptions extends EngineCommand {
  /** Absolute path of the folder for indexes and caches. */
  readonly storageFolder: string;
  /** Raw `precis.*` settings, keys without the prefix; read at every start and by `configure`. */
  readonly settings: () => Readonly<Record<string, unknown>>;
  /** As in `HelloParams`. */
  readonly translations?: Readonly<Record<string, string>>;
  /** Gets every line that the engine writes to its standard error. */
  readonly onStderrLine?: (line: string) => void;
  readonly heartbeat?: HeartbeatOptions;
}

/** `after` is why the engine before this one ended, or null at the first start. */
export type EngineState =
  | { readonly kind: "stopped" }
  | { readonly kind: "starting"; readonly gpu: GpuShare; readonly after: Failure | null }
  | {
      readonly kind: "ready";
      readonly gpu: GpuShare;
      readonly after: Failure | null;
      readonly pid: number;
      readonly engineVersion: string;
    }
  /** The engine refused to work with this client; `restart` tries again. */
  | { readonly kind: "failed"; readonly failure: Failure }
  /** It crashed too often; `restart` tries again with a clean record. */
  | { readonly kind: "givenUp"; readonly failure: Failure }
  | { readonly kind: "disposed" };

export interface Subscription {
  dispose(): void;
}

type EventListener = (event: EngineEvent, payload: EngineEvents[EngineEvent]) => void;

/**
 * Keeps one engine process running and talks to it. Requests start the engine when needed, and wait while it starts.
 * Whatever ends the process, every waiting request is rejected with a Failure; then the engine is started again
 * (restartLadder.ts), greeted, configured, and the workspace that was open is opened again.
 */
export class EngineClient {
  readonly #options: EngineClientOptions;
  readonly #eventListeners = new Set<EventListener>();
  readonly #stateListeners = new Set<(state: EngineState) => void>();
  readonly #crashTimesMs: number[] = [];
  #state: EngineState = { kind: "stopped" };
  #engine: EngineProcess | null = null;
  /** Loaded with the first request: an editor waits while its extensions are loaded. */
  #processClass: typeof EngineProcess | null = null;
  #ready: Promise<EngineProcess> | null = null;
  #workspace: OpenWorkspaceParams | null = null;
  /** What a person allows; after crashes it is less. */
  #gpuMax: GpuShare = "all";
  /** Raw `engine.device` setting that the running engine was started with. */
  #device: unknown = undefined;

  constructor(options: EngineClientOptions) {
    this.#options = options;
  }

  get state(): EngineState {
    return this.#state;
  }

  onStateChanged(listener: (state: EngineState) => void): Subscription {
    this.#stateListeners.add(listener);
    return { dispose: () => this.#stateListeners.delete(listener) };
  }

  on<E extends EngineEvent>(event: E, listener: (payload: EngineEvents[E]) => void): Subscription {
    const filtered: EventListener = (name, payload) => {
      if (name === event) listener(payload as EngineEvents[E]);
    };
    this.#eventListeners.add(filtered);
    return { dispose: () => this.#eventListeners.delete(filtered) };
  }

  /** Starts the engine unless it runs; resolves when it is ready. Rejects with a Failure. */
  async start(): Promise<void> {
    await this.#whenReady();
  }

  /**
   * Sends a request, starting the engine first where needed. Rejects with a Failure. Aborting `signal` cancels the
   * request in the engine: an `ask` then resolves with the partial answer, the others reject with `cancelled`.
   */
  async request<M extends EngineMethod>(
    method: M,
    params: ParamsOf<M>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ResultOf<M>> {
    const engine = await this.#whenReadyUntil(options.signal);
    return engine.request(method, params, options.signal);
  }

  /** Opens a folder, now and again after every restart. */
  async openWorkspace(params: OpenWorkspaceParams): Promise<ResultOf<"openWorkspace">> {
    const result = await this.request("openWorkspace", params);
    this.#workspace = params;
    return result;
  }

  /** Sends the settings of the options' provider again. Resolves to one sentence per setting that is not valid. */
  async configure(): Promise<readonly Sentence[]> {
    const settings = this.#options.settings();
    // A process can load the library of one device only.
    if (this.#state.kind === "ready" && settings["engine.device"] !== this.#device) await this.restart();
    const { problems } = await this.request("configure", settings);
    return problems;
  }

  /**
   * Ends the engine where one runs, forgets its crashes, and starts anew. Resolves when it is ready. `gpu` is how much of
   * the GPU it may use from now on, until the next restart.
   */
  async restart({ gpu = "all" }: { readonly gpu?: GpuShare } = {}): Promise<void> {
    if (this.#state.kind === "disposed") throw closed();
    this.#gpuMax = gpu;
    this.#crashTimesMs.length = 0;
    const engine = this.#engine;
    this.#engine = null;
    this.#ready = null;
    this.#setState({ kind: "stopped" });
    await engine?.end(new Failure("cancelled", "the engine was restarted"));
    await this.#whenReady();
  }

  /** Ends the engine and rejects everything that waits. Resolves when the child is gone. */
  async dispose(): Promise<void> {
    const engine = this.#engine;
    this.#engine = null;
    this.#setState({ kind: "disposed" });
    this.#eventListeners.clear();
    this.#stateListeners.clear();
    await engine?.end(closed());
  }

  async #whenReadyUntil(signal: AbortSignal | undefined): Promise<EngineProcess> {
    if (signal === undefined) return this.#whenReady();
    try {
      return await untilAborted(this.#whenReady(), signal);
    } catch (thrown) {
      throw signal.aborted ? new Failure("cancelled") : thrown;
    }
  }

  #whenReady(): Promise<EngineProcess> {
    return this.#processClass === null ? this.#loadFirst() : this.#running(this.#processClass);
  }

  async #loadFirst(): Promise<EngineProcess> {
    const { EngineProcess } = await import("./engineProcess.ts");
    this.#processClass = EngineProcess;
    return this.#running(EngineProcess);
  }

  #running(processClass: typeof EngineProcess): Promise<EngineProcess> {
    switch (this.#state.kind) {
      case "failed":
      case "givenUp":
        return Promise.reject(this.#state.failure);
      case "disposed":
        return Promise.reject(closed());
      case "stopped":
      case "starting":
      case "ready":
        return this.#ready ?? this.#launch(processClass, this.#gpuMax, null);
    }
  }

  #launch(processClass: typeof EngineProcess, gpu: GpuShare, after: Failure | null): Promise<EngineProcess> {
    const engine = new processClass(this.#options, {
      event: (event, payload) => {
        for (const listener of [...this.#eventListeners]) listener(event, payload);
      },
      stderrLine: (line) => this.#options.onStderrLine?.(line),
    });
    this.#engine = engine;
    const ready = this.#greet(engine, gpu, after);
    this.#ready = ready;
    void this.#watch(engine, ready, processClass);
    this.#setState({ kind: "starting", gpu, after });
    return ready;
  }

  /** Hello, settings, workspace; only then do other requests get through. */
  async #greet(engine: EngineProcess, gpu: GpuShare, after: Failure | null): Promise<EngineProcess> {
    const heartbeat = new Heartbeat(engine, this.#options.heartbeat);
    void engine.exited.then(() => {
      heartbeat.dispose();
    });
    const { storageFolder, translations } = this.#options;
    const hello = await engine.request("hello", {
      ...{ protocolVersion, gpu, storageFolder, parentPid: process.pid },
      ...(translations === undefined ? {} : { translations }),
    });
    if (hello.protocolVersion !== protocolVersion) {
      throw new Failure("protocolMismatch", `client ${protocolVersion}, engine ${hello.protocolVersion}`);
    }
    heartbeat.start();
    const settings = this.#options.settings();
    this.#device = settings["engine.device"];
    await engine.request("configure", settings);
    if (this.#workspace !== null) await this.#reopen(engine, this.#workspace);
    if (this.#engine === engine) {
      this.#setState({ kind: "ready", gpu, after, pid: engine.pid, engineVersion: hello.engineVersion });
    }
    return engine;
  }

  async #reopen(engine: EngineProcess, workspace: OpenWorkspaceParams): Promise<void> {
    try {
      await engine.request("openWorkspace", workspace);
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.code === "engineCrashed" || failure.code === "engineUnresponsive") throw failure;
      // The folder may be gone by now: the next request says so; the engine itself is fine.
      this.#options.onStderrLine?.(`The workspace could not be opened again: ${failure.message}`);
    }
  }

  /** Follows one engine from its start to its end, and starts the next one. */
  async #watch(
    engine: EngineProcess,
    ready: Promise<EngineProcess>,
    processClass: typeof EngineProcess,
  ): Promise<void> {
    const refusal = await ready.then(
      () => null,
      (thrown: unknown) => toFailure(thrown),
    );
    if (refusal !== null && !engine.isGone) {
      if (this.#engine === engine) {
        this.#engine = null;
        this.#setState({ kind: "failed", failure: refusal });
      }
      await engine.end(refusal);
      return;
    }
    const failure = await engine.exited;
    if (this.#engine !== engine) return;
    this.#engine = null;
    this.#ready = null;
    const nowMs = performance.now();
    this.#crashTimesMs.push(nowMs);
    const step = nextRestartStep(this.#crashTimesMs, nowMs);
    if (step.kind === "giveUp") {
      this.#setState({ kind: "givenUp", failure: new Failure("engineGivenUp", failure.detail, { cause: failure }) });
    } else {
      // Whoever waits for this engine gets its failure from the request itself.
      void this.#launch(processClass, this.#gpuMax === "none" ? "none" : step.gpu, failure);
    }
  }

  #setState(state: EngineState): void {
    if (this.#state.kind === "disposed") return;
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener(state);
  }
}

function closed(): Failure {
  return new Failure("cancelled", "the engine was closed");
}
