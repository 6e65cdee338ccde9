import { mkdir } from "node:fs/promises";
import path from "node:path";
import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import type { Download, Downloads } from "../client/downloads.ts";
import type { EngineClient } from "../client/engineClient.ts";
import { licenceName } from "../models/catalogue.ts";
import { isActive } from "../models/downloadState.ts";
import { toFailure } from "../protocol/failure.ts";
import { modelRoles } from "../protocol/models.ts";
import { modelInUse, setModel } from "./configuration.ts";
import { failureText } from "./failureView.ts";
import type { ModelChooser } from "./modelChooser.ts";
import { pickRole, showLicence } from "./modelChooser.ts";
import type { ModelDownloads } from "./modelDownloads.ts";
import type { ModelLibrary } from "./modelLibrary.ts";
import { modelTarget } from "./modelNodes.ts";
import { downloadText } from "./modelText.ts";
import { bytes } from "./numberText.ts";
import { sentenceText } from "./sentenceText.ts";

export interface ModelActionsOptions {
  readonly client: EngineClient;
  readonly chooser: ModelChooser;
  readonly library: ModelLibrary;
  readonly downloads: Downloads;
  readonly modelDownloads: ModelDownloads;
}

/** What a person can do with models and devices. Each command works on a row of the Engine view, or asks for one. */
export class ModelActions {
  readonly #options: ModelActionsOptions;

  constructor(options: ModelActionsOptions) {
    this.#options = options;
  }

  registerCommands(): vscode.Disposable[] {
    const { library, downloads, modelDownloads } = this.#options;
    const commands: Readonly<Record<string, (argument: unknown) => Promise<unknown>>> = {
      "precis.chooseModel": (argument) => this.#choose(argument),
      "precis.useModel": (argument) => this.#use(argument),
      "precis.deleteModel": (argument) => this.#delete(argument),
      "precis.showLicence": () => this.#showLicence(),
      "precis.revealModels": () => revealFolder(library.folder),
      "precis.pauseDownload": (argument) => this.#withDownload(argument, isActive, (id) => downloads.pause(id)),
      "precis.resumeDownload": (argument) =>
        this.#withDownload(argument, isStopped, (id) => {
          modelDownloads.resume(id);
        }),
      "precis.cancelDownload": (argument) =>
        this.#withDownload(
          argument,
          () => true,
          (id) => downloads.cancel(id),
        ),
      "precis.useCpu": () => this.useCpu(),
      "precis.installCuda": () => this.#installCuda(),
      "precis.removeCuda": () => this.#removeCuda(),
    };
    return Object.entries(commands).map(([name, run]) =>
      vscode.commands.registerCommand(name, (argument: unknown) => telling(() => run(argument))),
    );
  }

  /** The engine anew, without the GPU until it is restarted the next time. */
  async useCpu(): Promise<void> {
    await this.#options.client.restart({ gpu: "none" });
  }

  async #choose(argument: unknown): Promise<void> {
    const target = modelTarget(argument);
    const role = target?.kind === "role" ? target.role : modelRoles.find((known) => known === argument);
    await (role === undefined ? this.#options.chooser.chooseForAnyRole() : this.#options.chooser.choose(role));
  }

  async #use(argument: unknown): Promise<void> {
    const file = await this.#fileOf(argument);
    if (file === null) return;
    const role = await pickRole(t("Use {0} as…", path.basename(file)));
    if (role !== null) await setModel(role, file);
  }

  async #delete(argument: unknown): Promise<void> {
    const { library } = this.#options;
    const file = await this.#fileOf(argument);
    if (file === null) return;
    const remove = t("Delete");
    const size = library.installed.find((model) => model.file === file)?.bytes ?? 0;
    const question = t("Delete {0} ({1})?", path.basename(file), bytes(size));
    const options = { modal: true, detail: t("It can be downloaded again.") };
    if ((await vscode.window.showWarningMessage(question, options, remove)) !== remove) return;
    // An engine that has the file open goes on to another model first.
    for (const role of modelRoles) if (modelInUse(role) === file) await setModel(role, "");
    await library.delete(file);
  }

  async #showLicence(): Promise<void> {
    const entries = await this.#options.library.catalogue();
    const items = entries.map((entry) => ({ entry, label: entry.name, description: licenceName(entry) }));
    const chosen = await vscode.window.showQuickPick(items, { title: t("Show the licence of…") });
    if (chosen !== undefined) await showLicence(chosen.entry);
  }

  async #installCuda(): Promise<void> {
    const { client, library, modelDownloads } = this.#options;
    const runtime = await library.runtime();
    const { device } = await client.request("fitModels", { files: [], shapes: [] });
    const cuda = device.others.find((other) => other.device === "cuda");
    if (runtime === null || cuda?.installable !== true) {
      const none = t("CUDA is in use, or not offered for this machine.");
      const reason = cuda === undefined ? none : sentenceText(cuda.why);
      void vscode.window.showInformationMessage(t("The CUDA library cannot be downloaded: {0}", reason));
      return;
    }
    const download = t("Download");
    const size = runtime.bytesAreExact ? bytes(runtime.bytes) : t("about {0}", bytes(runtime.bytes));
    const now = sentenceText(cuda.why);
    const detail = t("{0}, checked against npm's checksum. It needs the CUDA 13 runtime. Now: {1}", size, now);
    const question = t("Download the CUDA library for NVIDIA GPUs?");
    if ((await vscode.window.showInformationMessage(question, { modal: true, detail }, download)) === download) {
      modelDownloads.fetchRuntime(runtime);
    }
  }

  async #removeCuda(): Promise<void> {
    const { client, library } = this.#options;
    await library.removeRuntime();
    await client.restart();
  }

  async #withDownload(
    argument: unknown,
    fits: (state: Download["state"]) => boolean,
    run: (id: number) => Promise<void> | void,
  ): Promise<void> {
    const target = modelTarget(argument);
    if (target?.kind === "download") return run(target.id);
    const items = this.#options.downloads.all
      .filter(({ state }) => fits(state))
      .map(({ id, name, state }) => ({ id, label: name, description: downloadText(state) }));
    if (items.length === 0) {
      void vscode.window.showInformationMessage(t("There is no such download."));
      return;
    }
    const chosen = items.length === 1 ? items[0] : await vscode.window.showQuickPick(items);
    if (chosen !== undefined) await run(chosen.id);
  }

  async #fileOf(argument: unknown): Promise<string | null> {
    const target = modelTarget(argument);
    if (target?.kind === "file") return target.file;
    const { library } = this.#options;
    await library.refresh();
    const items = library.installed.map(({ file, name, bytes: size }) => ({
      file,
      label: name,
      description: bytes(size),
    }));
    if (items.length === 0) {
      void vscode.window.showInformationMessage(t("No model was downloaded."));
      return null;
    }
    return (await vscode.window.showQuickPick(items))?.file ?? null;
  }
}

function isStopped(state: Download["state"]): boolean {
  return !isActive(state);
}

/** A failure of a command is said where the person looks. */
async function telling(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (thrown) {
    void vscode.window.showErrorMessage(failureText(toFailure(thrown)));
  }
}

/** Where the editor cannot show folders, as in a browser, its path has to do. */
async function revealFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  try {
    await vscode.commands.executeCommand("revealFileInOS", vscode.Uri.file(folder));
  } catch {
    const copy = t("Copy Path");
    if ((await vscode.window.showInformationMessage(folder, copy)) === copy) {
      await vscode.env.clipboard.writeText(folder);
    }
  }
}
