import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import type { Download, Downloads } from "../client/downloads.ts";
import type { CatalogueEntry } from "../models/catalogue.ts";
import { runtimeJob } from "../models/runtimes.ts";
import type { Runtime } from "../models/runtimes.ts";
import type { DownloadJob } from "../protocol/download.ts";
import { toFailure } from "../protocol/failure.ts";
import type { ModelRole } from "../protocol/models.ts";
import { setModel } from "./configuration.ts";
import { failureText } from "./failureView.ts";
import type { ModelLibrary } from "./modelLibrary.ts";
import { downloadText } from "./modelText.ts";

export interface ModelDownloadsOptions {
  readonly downloads: Downloads;
  readonly library: ModelLibrary;
  readonly storageFolder: string;
  /** A library for the GPU is there: the engine must be started again to use it. */
  readonly onRuntime: () => Promise<void>;
  readonly log: vscode.LogOutputChannel;
}

/** A server that says nothing for so long is asked again. */
const stallMs = 30_000;

/** Starts downloads when a person asks for them, shows how they go, and puts to use what has come. */
export class ModelDownloads {
  readonly #options: ModelDownloadsOptions;
  readonly #subscription: { dispose(): void };

  constructor(options: ModelDownloadsOptions) {
    this.#options = options;
    this.#subscription = options.downloads.onChanged((download) => void this.#changed(download));
  }

  /** A model of the list, to be used in a role. */
  fetchEntry({ uri, name, sha256 }: CatalogueEntry, role: ModelRole): void {
    const checksum = sha256 === undefined ? null : ({ algorithm: "sha256", hex: sha256 } as const);
    this.#start({ uri, folder: this.#options.library.folder, kind: "model", checksum, role, stallMs }, name);
  }

  /** Any model, by its address. */
  fetchAddress(uri: string, role: ModelRole): void {
    const job = { uri, folder: this.#options.library.folder, kind: "model", checksum: null, role, stallMs } as const;
    this.#start(job, addressName(uri));
  }

  fetchRuntime(runtime: Runtime): void {
    this.#start(runtimeJob(runtime, this.#options.storageFolder, stallMs), t("CUDA library"));
  }

  /** Goes on with one that is paused or has failed. */
  resume(id: number): void {
    this.#follow(() => this.#options.downloads.resume(id));
  }

  dispose(): void {
    this.#subscription.dispose();
  }

  #start(job: DownloadJob, name: string): void {
    this.#follow(() => this.#options.downloads.start(job, name));
  }

  #follow(start: () => Download): void {
    try {
      void this.#show(start());
    } catch (thrown) {
      void vscode.window.showErrorMessage(failureText(toFailure(thrown)));
    }
  }

  /** One notification, as long as something happens. */
  async #show({ id, name }: Download): Promise<void> {
    const { downloads } = this.#options;
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: t("Downloading {0} (Cancel keeps what is here)", name),
      cancellable: true,
    };
    const state = await vscode.window.withProgress(options, async (progress, token) => {
      let percentShown = 0;
      const showing = downloads.onChanged((download) => {
        if (download.id !== id) return;
        const percent = percentOf(download);
        progress.report({ message: downloadText(download.state), increment: Math.max(0, percent - percentShown) });
        percentShown = Math.max(percent, percentShown);
      });
      const cancelling = token.onCancellationRequested(() => void downloads.pause(id));
      try {
        return await downloads.settled(id);
      } finally {
        showing.dispose();
        cancelling.dispose();
      }
    });
    if (state.kind !== "failed") return;
    this.#options.log.warn(`${name}: ${state.failure.message}`);
    const again = t("Try Again");
    if ((await vscode.window.showErrorMessage(failureText(state.failure), again)) === again) this.resume(id);
  }

  async #changed({ name, job, state }: Download): Promise<void> {
    if (state.kind !== "done") return;
    this.#options.log.info(`${name}: ${state.file}, SHA-256 ${state.sha256}, checked against ${state.checkedAgainst}`);
    try {
      await this.#options.library.refresh();
      if (job.role !== null) await setModel(job.role, state.file);
      if (job.kind === "package") await this.#options.onRuntime();
    } catch (thrown) {
      void vscode.window.showErrorMessage(failureText(toFailure(thrown)));
    }
  }
}

function percentOf({ state }: Download): number {
  if (state.kind === "checking") return 100;
  return state.kind === "running" && state.bytesTotal > 0 ? (100 * state.bytesDone) / state.bytesTotal : 0;
}

/** The last part of an address: what the file will probably be called. */
function addressName(uri: string): string {
  return (
    uri
      .replace(/[?#].*$/, "")
      .split("/")
      .at(-1) ?? uri
  );
}
