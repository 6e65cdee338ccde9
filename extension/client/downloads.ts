import { readdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Listeners } from "../base/listeners.ts";
import { afterPause, afterReport, isActive } from "../models/downloadState.ts";
import type { DownloadState } from "../models/downloadState.ts";
import { parsePart, partFileName, partsFolderName } from "../protocol/download.ts";
import type { DownloadJob, DownloadPart, DownloadReport } from "../protocol/download.ts";
import { Failure } from "../protocol/failure.ts";
import { startDownload } from "./downloadProcess.ts";
import type { DownloadProcess } from "./downloadProcess.ts";
import type { EngineCommand } from "./engineProcess.ts";

/** More at once only take bandwidth from each other. */
const activeMax = 3;
/** Unfinished parts that are looked for. */
const partsMax = 100;

export interface Download {
  readonly id: number;
  readonly job: DownloadJob;
  /** For people: of the catalogue's model, of the file, or the address. */
  readonly name: string;
  readonly state: DownloadState;
}

export interface DownloadsOptions {
  /** How the downloading process is started; asked for each time, since proxies may have changed. */
  readonly command: () => EngineCommand;
}

interface Entry {
  download: Download;
  process: DownloadProcess | null;
}

/** The downloads of this window or terminal, each in a process of its own. What is unfinished survives all of them. */
export class Downloads {
  readonly #options: DownloadsOptions;
  readonly #entries = new Map<number, Entry>();
  readonly #listeners = new Listeners<Download>();
  #lastId = 0;

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  /** Oldest first; finished and cancelled ones are forgotten. */
  get all(): readonly Download[] {
    return [...this.#entries.values()].map(({ download }) => download);
  }

  /** Called with a download whenever its state changes. */
  onChanged(listener: (download: Download) => void): { dispose(): void } {
    return this.#listeners.add(listener);
  }

  /** Process ids of those that run. */
  get pids(): readonly number[] {
    return [...this.#entries.values()].flatMap(({ process }) => (process === null ? [] : [process.pid]));
  }

  /** Starts a download, or goes on with the one of this address that there is. Fails with downloadBusy. */
  start(job: DownloadJob, name: string): Download {
    const same = this.all.find((download) => download.job.uri === job.uri && download.job.folder === job.folder);
    if (same !== undefined) return this.resume(same.id);
    this.#lastId += 1;
    const id = this.#lastId;
    const entry: Entry = { download: { id, job, name, state: { kind: "starting" } }, process: null };
    this.#launch(entry);
    return entry.download;
  }

  /** Goes on with one that is paused or has failed. */
  resume(id: number): Download {
    const entry = this.#entry(id);
    if (entry.process === null) this.#launch(entry);
    return entry.download;
  }

  /** Stops it for now. Resolves when its process is gone. */
  async pause(id: number): Promise<void> {
    const entry = this.#entry(id);
    const state = afterPause(entry.download.state);
    await this.#end(entry, state);
  }

  /** Stops it for good and deletes what is there of it. */
  async cancel(id: number): Promise<void> {
    const entry = this.#entry(id);
    await this.#end(entry, { kind: "cancelled" });
    this.#entries.delete(id);
    for (const { folder } of await partsOf(entry.download.job)) await rm(folder, { recursive: true, force: true });
  }

  /** Resolves with the state in which nothing more happens by itself: done, failed, paused or cancelled. */
  settled(id: number): Promise<DownloadState> {
    const { state } = this.#entry(id).download;
    if (!isActive(state)) return Promise.resolve(state);
    return new Promise((resolve) => {
      const subscription = this.onChanged((download) => {
        if (download.id !== id || isActive(download.state)) return;
        subscription.dispose();
        resolve(download.state);
      });
    });
  }

  /** Finds what earlier windows left unfinished in a folder; it is paused here. */
  async restore(folder: string): Promise<void> {
    for (const { part, bytesDone } of await partsBelow(folder)) {
      const { job, fileName, bytesTotal } = part;
      if (this.all.some((download) => download.job.uri === job.uri)) continue;
      this.#lastId += 1;
      const id = this.#lastId;
      const download: Download = { id, job, name: fileName, state: { kind: "paused", bytesDone, bytesTotal } };
      this.#entries.set(id, { download, process: null });
      this.#listeners.call(download);
    }
  }

  /** Ends every process; what is unfinished stays on the disk. */
  async dispose(): Promise<void> {
    this.#listeners.clear();
    await Promise.all(this.all.filter(({ state }) => isActive(state)).map(({ id }) => this.pause(id)));
  }

  #launch(entry: Entry): void {
    const active = this.all.filter(({ state }) => isActive(state)).length;
    if (active >= activeMax) throw new Failure("downloadBusy", `${activeMax} downloads run at once`);
    this.#entries.set(entry.download.id, entry);
    this.#set(entry, { kind: "starting" });
    const started = startDownload(this.#options.command(), entry.download.job, (report) => {
      if (entry.process === started) this.#reported(entry, report);
    });
    entry.process = started;
  }

  #reported(entry: Entry, report: DownloadReport): void {
    const state = afterReport(entry.download.state, report, performance.now());
    if (!isActive(state)) entry.process = null;
    if (state.kind === "done") this.#entries.delete(entry.download.id);
    this.#set(entry, state);
  }

  async #end(entry: Entry, state: DownloadState): Promise<void> {
    const { process } = entry;
    entry.process = null;
    process?.kill();
    await process?.exited;
    this.#set(entry, state);
  }

  #set(entry: Entry, state: DownloadState): void {
    entry.download = { ...entry.download, state };
    this.#listeners.call(entry.download);
  }

  #entry(id: number): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new Failure("internal", `there is no download ${id}`);
    return entry;
  }
}

interface FoundPart {
  readonly folder: string;
  readonly part: DownloadPart;
  readonly bytesDone: number;
}

async function partsOf(job: DownloadJob): Promise<readonly FoundPart[]> {
  return (await partsBelow(job.folder)).filter(({ part }) => part.job.uri === job.uri);
}

async function partsBelow(folder: string): Promise<readonly FoundPart[]> {
  const parts = path.join(folder, partsFolderName);
  // Nothing was ever downloaded to it.
  const names = await readdir(parts).catch(() => []);
  const found = await Promise.all(
    names.slice(0, partsMax).map(async (name): Promise<FoundPart[]> => {
      const below = path.join(parts, name);
      const part = parsePart(await readFile(path.join(below, partFileName), "utf8").catch(() => ""));
      return part === null ? [] : [{ folder: below, part, bytesDone: await bytesWithin(below, part.bytesTotal) }];
    }),
  );
  return found.flat();
}

/** Roughly: files with holes, whose blocks are what is there. */
async function bytesWithin(folder: string, bytesTotal: number): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name !== partFileName && name !== "lock");
  const sizes = await Promise.all(names.map((name) => stat(path.join(folder, name))));
  return Math.min(
    bytesTotal,
    sizes.reduce((sum, { blocks }) => sum + blocks * 512, 0),
  );
}
