import { Listeners } from "../base/listeners.ts";
import type { EngineClient } from "../client/engineClient.ts";
import type { IndexParams, IndexSummary } from "../protocol/engine.ts";
import { Failure, toFailure } from "../protocol/failure.ts";

/** A folder to index, and the globs of files.exclude and search.exclude in it. */
export interface FolderToIndex {
  readonly folder: string;
  readonly excludeGlobs: readonly string[];
}

export type IndexState =
  /** Nothing was indexed yet. */
  | { readonly kind: "none" }
  | { readonly kind: "indexing"; readonly filesDone: number; readonly filesTotal: number }
  | { readonly kind: "indexed"; readonly summary: IndexSummary }
  | { readonly kind: "failed"; readonly failure: Failure };

type IndexClient = Pick<EngineClient, "request" | "openWorkspace" | "on" | "onStateChanged">;

/** More changed files than this and the whole folder is walked instead. */
const changedLimit = 500;

/** Keeps the engine's index of one folder up to date: opens the folder, indexes it, and again what changes in it. */
export class FolderIndex {
  readonly #client: IndexClient;
  readonly #now: () => number;
  readonly #listeners = new Listeners<IndexState>();
  readonly #subscriptions: readonly { dispose(): void }[];
  readonly #changed = new Set<string>();
  #folder: FolderToIndex | null = null;
  #state: IndexState = { kind: "none" };
  #summary: IndexSummary | null = null;
  #updatedMs: number | null = null;
  #abort = new AbortController();
  /** The last indexing asked for; never rejects. */
  #work: Promise<void> = Promise.resolve();
  #isOpen = false;

  /** `now`: milliseconds since 1970. */
  constructor(client: IndexClient, now: () => number = Date.now) {
    this.#client = client;
    this.#now = now;
    this.#subscriptions = [
      client.on("indexProgress", ({ filesDone, filesTotal }) => {
        // An answer brings the index up to date by itself; only a run of our own ends with a state of our own.
        if (this.#state.kind === "indexing") this.#setState({ kind: "indexing", filesDone, filesTotal });
      }),
      client.onStateChanged((state) => {
        // An index run that died with its engine is done again with the next one.
        if (state.kind === "ready" && state.after !== null && this.#state.kind === "failed") this.reindex();
      }),
    ];
  }

  get state(): IndexState {
    return this.#state;
  }

  /** The figures of the last whole run of this folder, or null. */
  get summary(): IndexSummary | null {
    return this.#summary;
  }

  /** When the index was last brought up to date, in milliseconds since 1970; null before. */
  get updatedMs(): number | null {
    return this.#updatedMs;
  }

  get folder(): string | null {
    return this.#folder?.folder ?? null;
  }

  onChanged(listener: (state: IndexState) => void): { dispose(): void } {
    return this.#listeners.add(listener);
  }

  /** Chooses the folder. It is opened when it is first needed; what was indexed of another one no longer counts. */
  choose(folder: FolderToIndex | null): void {
    if (JSON.stringify(folder) === JSON.stringify(this.#folder)) return;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#folder = folder;
    this.#isOpen = false;
    this.#summary = null;
    this.#updatedMs = null;
    this.#changed.clear();
    this.#setState({ kind: "none" });
  }

  /** Opens and indexes the folder unless that is done or under way. Rejects with a Failure. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.#folder === null) throw new Failure("workspaceMissing");
    if (this.#state.kind === "none" || this.#state.kind === "failed") this.reindex();
    await untilAborted(this.#work, signal);
    if (this.#state.kind === "failed") throw this.#state.failure;
  }

  /** Walks the whole folder, after what is under way. */
  reindex(): void {
    this.#changed.clear();
    this.#enqueue({});
  }

  /** These files (relative paths) were created, changed or deleted. */
  filesChanged(paths: readonly string[]): void {
    // What was never indexed is walked as a whole when it is first needed.
    if (!this.#isOpen || paths.length === 0) return;
    for (const path of paths) this.#changed.add(path);
    this.#work = this.#work.then(async () => {
      const changed = [...this.#changed];
      this.#changed.clear();
      if (changed.length > 0) await this.#run(changed.length > changedLimit ? {} : { changed });
    });
  }

  dispose(): void {
    this.#abort.abort();
    this.#listeners.clear();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #enqueue(params: IndexParams): void {
    this.#setState({ kind: "indexing", filesDone: 0, filesTotal: 0 });
    this.#work = this.#work.then(() => this.#run(params));
  }

  async #run(params: IndexParams): Promise<void> {
    const folder = this.#folder;
    const { signal } = this.#abort;
    if (folder === null) return;
    try {
      if (!this.#isOpen) {
        await this.#client.openWorkspace(folder);
        if (!signal.aborted) this.#isOpen = true;
      }
      const summary = await this.#client.request("index", params, { signal });
      if (signal.aborted) return;
      if (params.changed === undefined) this.#summary = summary;
      this.#updatedMs = this.#now();
      this.#setState({ kind: "indexed", summary });
    } catch (thrown) {
      // Another folder was chosen meanwhile: its own state stands.
      if (!signal.aborted) this.#setState({ kind: "failed", failure: toFailure(thrown) });
    }
  }

  #setState(state: IndexState): void {
    this.#state = state;
    this.#listeners.call(state);
  }
}

/** Resolves with the promise, which never rejects; rejects with `cancelled` as soon as the signal is aborted. */
function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(new Failure("cancelled"));
    };
    if (signal.aborted) {
      stop();
      return;
    }
    signal.addEventListener("abort", stop, { once: true });
    void promise.then(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
  });
}
