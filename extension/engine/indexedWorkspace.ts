import { untilAborted } from "../base/abortable.ts";
import { SerialQueue } from "../base/serialQueue.ts";
import type { EngineEvents, IndexSummary } from "../protocol/engine.ts";
import { Failure } from "../protocol/failure.ts";
import { WorkspaceIndex } from "./index.ts";
import type { IndexLocation, UpdateOptions } from "./index.ts";

export interface IndexedWorkspaceOptions extends IndexLocation {
  /** Read at every update. */
  readonly updateOptions: () => Promise<
    Pick<UpdateOptions, "excludeGlobs" | "ignoreGlobs" | "maxFileBytes" | "encoder">
  >;
  readonly onProgress: (progress: EngineEvents["indexProgress"]) => void;
}

/** The open folder and its index: knows whether the index is up to date, and brings it there once for all who ask. */
export class IndexedWorkspace {
  readonly index: WorkspaceIndex;
  readonly #options: IndexedWorkspaceOptions;
  readonly #updates = new SerialQueue();
  readonly #closing = new AbortController();
  #isUpToDate = false;

  private constructor(index: WorkspaceIndex, options: IndexedWorkspaceOptions) {
    this.index = index;
    this.#options = options;
  }

  /** Fails with `workspaceMissing`, or as `WorkspaceIndex.open` does. */
  static async open(options: IndexedWorkspaceOptions): Promise<IndexedWorkspace> {
    return new IndexedWorkspace(await WorkspaceIndex.open(options), options);
  }

  get isIndexing(): boolean {
    return this.#updates.length > 0;
  }

  /** Other settings apply to what gets indexed: the next question walks the folder again. */
  markOutdated(): void {
    this.#isUpToDate = false;
  }

  /** Brings the index up to date: all of the folder, or only the `changed` paths. Fails as `WorkspaceIndex.update`. */
  async update(options: { readonly changed?: readonly string[]; readonly signal: AbortSignal }): Promise<IndexSummary> {
    const { changed, signal } = options;
    // Changes say nothing about a folder that was not walked yet.
    const update = this.#updates.run(() => this.#update(this.#isUpToDate ? changed : undefined, signal));
    return untilAborted(update, signal);
  }

  /**
   * Updates the index unless this process has done so already: from then on the client says what changed. Waits for
   * updates that are under way, and until the index is prepared for ranking. Fails as `WorkspaceIndex.update`.
   */
  async ensureUpdated(signal: AbortSignal): Promise<void> {
    await this.ensureIndexed(signal);
    await untilAborted(this.index.prepare(), signal);
  }

  /** The same, but does not wait until the index is prepared for ranking. */
  async ensureIndexed(signal: AbortSignal): Promise<void> {
    const updated = this.#updates.run(async () => {
      if (!this.#isUpToDate) await this.#update(undefined, signal);
    });
    await untilAborted(updated, signal);
  }

  /** Stops updates and closes the index. */
  async close(): Promise<void> {
    this.#closing.abort(new Failure("cancelled", "the workspace was closed"));
    await this.#updates.idle();
    await this.index.close();
  }

  async #update(changed: readonly string[] | undefined, signal: AbortSignal): Promise<IndexSummary> {
    const both = AbortSignal.any([signal, this.#closing.signal]);
    both.throwIfAborted();
    const summary = await this.index.update({
      ...(await this.#options.updateOptions()),
      signal: both,
      onProgress: this.#options.onProgress,
      ...(changed === undefined ? {} : { changed }),
    });
    this.#isUpToDate = true;
    // Ahead of the next question, which waits for it and tells where it fails.
    void Promise.allSettled([this.index.prepare()]);
    return summary;
  }
}
