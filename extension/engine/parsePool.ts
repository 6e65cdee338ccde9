/** A few worker threads that parse. A worker that crashes or hangs costs its file the cut into units, nothing more. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { parseUnits } from "../pipeline/parse.ts";
import { Failure } from "../protocol/failure.ts";
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import { recordOf } from "./parseRecord.ts";
import type { FileRecord } from "./parseRecord.ts";

export interface ParseTask {
  readonly path: string;
  /** Line ends are `\n`. */
  readonly text: string;
  /** Id of a grammar, or `text`. */
  readonly language: string;
  /** Path of the static table that makes the units' vectors; null for none. */
  readonly table: string | null;
}

/** What a worker sends. */
export type ParseAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "parsed"; readonly record: FileRecord }
  | { readonly kind: "failed"; readonly message: string };

export interface ParsePoolOptions {
  /** Package root: where grammars/ lies. */
  readonly root: string;
  /** Worker threads, at least 1. */
  readonly threads?: number;
  /** A file that takes longer is indexed without its units. */
  readonly fileTimeoutMs?: number;
  readonly workerFile?: URL;
}

/** More threads than this wait for the one that writes the index. */
const threadsMax = 4;
const fileTimeoutMsDefault = 20_000;
/** Tasks that may wait or run per thread: enough to keep it busy, few enough to bound memory. */
const tasksPerThread = 4;
/** A worker needs about 60 MiB; one file that needs more than this is hostile. */
const workerHeapMiB = 512;
/** Small, so that syntax trees, which live outside the heap, are let go soon. */
const workerYoungMiB = 8;

interface Job {
  readonly task: ParseTask;
  readonly resolve: (record: FileRecord) => void;
  readonly reject: (failure: Failure) => void;
}

interface Thread {
  readonly worker: Worker;
  ready: boolean;
  job: Job | null;
  timer: NodeJS.Timeout | null;
}

export class ParsePool {
  /** Tasks that `parse` accepts at once. */
  readonly capacity: number;
  readonly #options: Required<ParsePoolOptions>;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Job[] = [];
  #closed = false;

  constructor(options: ParsePoolOptions) {
    const threads = Math.max(1, options.threads ?? Math.min(availableParallelism(), threadsMax));
    this.#options = {
      root: options.root,
      threads,
      fileTimeoutMs: options.fileTimeoutMs ?? fileTimeoutMsDefault,
      workerFile: options.workerFile ?? new URL(workerName, import.meta.url),
    };
    this.capacity = threads * tasksPerThread;
  }

  /** Threads alive now. */
  get threads(): number {
    return this.#threads.size;
  }

  /**
   * Parses one file. A file that cannot be parsed resolves too: as one unit with a problem. Rejects with `Failure`
   * cancelled when the signal is aborted or the pool closed, and internal when workers do not start or more than `capacity` tasks are given.
   */
  parse(task: ParseTask, signal?: AbortSignal): Promise<FileRecord> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Failure("cancelled", "the parser is closed"));
        return;
      }
      if (this.#waiting.length >= this.capacity) {
        reject(new Failure("internal", `more than ${this.capacity} files wait for the parser`));
        return;
      }
      const drop = (): void => {
        this.#drop(job);
      };
      // One signal is given with thousands of files: who is done must not listen any longer.
      const settled = (): void => {
        signal?.removeEventListener("abort", drop);
      };
      const job: Job = {
        task,
        resolve: (record) => {
          settled();
          resolve(record);
        },
        reject: (failure) => {
          settled();
          reject(failure);
        },
      };
      signal?.addEventListener("abort", drop);
      this.#waiting.push(job);
      this.#dispatch();
    });
  }

  /** Ends idle threads until `threads` are left: they keep grammars in memory. */
  async shrink(threads: number): Promise<void> {
    const idle = [...this.#threads].filter((thread) => thread.job === null && this.#waiting.length === 0);
    const surplus = idle.slice(0, Math.max(0, this.#threads.size - threads));
    for (const thread of surplus) this.#threads.delete(thread);
    await Promise.all(surplus.map((thread) => thread.worker.terminate()));
  }

  /** Rejects what waits and ends all threads. */
  async close(): Promise<void> {
    this.#closed = true;
    const closing = new Failure("cancelled", "the parser was closed");
    for (const job of this.#waiting.splice(0)) job.reject(closing);
    const threads = [...this.#threads];
    this.#threads.clear();
    for (const thread of threads) this.#takeJob(thread)?.reject(closing);
    await Promise.all(threads.map((thread) => thread.worker.terminate()));
  }

  /** A task that runs already is finished; nobody waits for it. */
  #drop(job: Job): void {
    const at = this.#waiting.indexOf(job);
    if (at >= 0) this.#waiting.splice(at, 1);
    job.reject(new Failure("cancelled"));
  }

  #dispatch(): void {
    for (const thread of this.#threads) {
      if (this.#waiting.length === 0) return;
      if (thread.ready && thread.job === null) this.#give(thread);
    }
    const starting = [...this.#threads].filter((thread) => !thread.ready).length;
    const missing = Math.min(this.#waiting.length - starting, this.#options.threads - this.#threads.size);
    for (let started = 0; started < missing; started += 1) this.#start();
  }

  #give(thread: Thread): void {
    const job = this.#waiting.shift();
    if (job === undefined) return;
    thread.job = job;
    thread.timer = setTimeout(() => {
      const seconds = Math.round(this.#options.fileTimeoutMs / 1000);
      this.#replace(thread, sentence("Indexed without its units: parsing took longer than {0} s.", seconds));
    }, this.#options.fileTimeoutMs);
    thread.worker.postMessage(job.task);
  }

  #start(): void {
    const worker = new Worker(this.#options.workerFile, {
      workerData: { root: this.#options.root },
      resourceLimits: { maxOldGenerationSizeMb: workerHeapMiB, maxYoungGenerationSizeMb: workerYoungMiB },
    });
    const thread: Thread = { worker, ready: false, job: null, timer: null };
    this.#threads.add(thread);
    let reason = "";
    worker.on("message", (answer: ParseAnswer) => {
      this.#received(thread, answer);
    });
    worker.on("error", (error: unknown) => (reason = error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => {
      if (this.#threads.has(thread)) this.#lost(thread, reason === "" ? `exit code ${code}` : reason);
    });
  }

  #received(thread: Thread, answer: ParseAnswer): void {
    if (answer.kind === "ready") thread.ready = true;
    else {
      const job = this.#takeJob(thread);
      if (job !== null && answer.kind === "parsed") job.resolve(answer.record);
      else if (job !== null && answer.kind === "failed") {
        settleUnparsed(job, sentence("Indexed without its units: {0}.", answer.message));
      }
    }
    this.#dispatch();
  }

  #lost(thread: Thread, reason: string): void {
    if (thread.ready) {
      this.#replace(thread, sentence("Indexed without its units: the parser crashed: {0}.", reason));
      return;
    }
    // A worker that cannot even start would take every file with it.
    this.#threads.delete(thread);
    const failure = new Failure("internal", `the parser does not start: ${reason}`);
    for (const job of this.#waiting.splice(0)) job.reject(failure);
  }

  #replace(thread: Thread, problem: Sentence): void {
    this.#threads.delete(thread);
    const job = this.#takeJob(thread);
    // The thread may be in an endless native loop; nobody waits for its end but close().
    void thread.worker.terminate();
    if (job !== null) settleUnparsed(job, problem);
    this.#dispatch();
  }

  #takeJob(thread: Thread): Job | null {
    const job = thread.job;
    thread.job = null;
    if (thread.timer !== null) clearTimeout(thread.timer);
    thread.timer = null;
    return job;
  }
}

/** The file as one unit, with this as its problem. */
function settleUnparsed({ task, resolve, reject }: Job, message: Sentence): void {
  try {
    const parsed = parseUnits(task, null);
    const problem = { path: task.path, line: 1, message };
    resolve(recordOf({ ...parsed, problems: [...parsed.problems, problem] }, task, null));
  } catch (error) {
    reject(new Failure("internal", `${task.path}: ${String(error)}`, { cause: error }));
  }
}

const workerName = import.meta.url.endsWith(".ts") ? "./parseWorker.ts" : "./parseWorker.mjs";
