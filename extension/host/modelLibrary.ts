import { Listeners } from "../base/listeners.ts";
import { readCatalogue } from "../models/catalogue.ts";
import type { CatalogueEntry } from "../models/catalogue.ts";
import { deleteModel, listModels, modelFolder } from "../models/modelFolder.ts";
import type { InstalledModel } from "../models/modelFolder.ts";
import { isRuntimeInstalled, readRuntime, removeRuntime } from "../models/runtimes.ts";
import type { Runtime } from "../models/runtimes.ts";
import type { Settings } from "../protocol/settings.ts";

export interface ModelLibraryOptions {
  /** Package folder. */
  readonly root: string;
  readonly storageFolder: string;
  readonly settings: () => Settings;
}

/** The models and GPU libraries that were downloaded to this machine, and those that can be. */
export class ModelLibrary {
  readonly #options: ModelLibraryOptions;
  readonly #listeners = new Listeners<undefined>();
  #catalogue: Promise<readonly CatalogueEntry[]> | null = null;
  #installed: readonly InstalledModel[] = [];
  #hasRuntime = false;

  constructor(options: ModelLibraryOptions) {
    this.#options = options;
  }

  /** Absolute path of the folder that models are downloaded to. */
  get folder(): string {
    return modelFolder(this.#options.settings()["model.folder"], this.#options.storageFolder);
  }

  /** As of the last `refresh`. */
  get installed(): readonly InstalledModel[] {
    return this.#installed;
  }

  /** As of the last `refresh`: whether the CUDA library was downloaded. */
  get hasRuntime(): boolean {
    return this.#hasRuntime;
  }

  onChanged(listener: () => void): { dispose(): void } {
    return this.#listeners.add(listener);
  }

  catalogue(): Promise<readonly CatalogueEntry[]> {
    this.#catalogue ??= readCatalogue(this.#options.root);
    return this.#catalogue;
  }

  /** The GPU library that this platform can download, or null. */
  runtime(): Promise<Runtime | null> {
    return readRuntime(this.#options.root, `${process.platform}-${process.arch}`);
  }

  /** Looks at the disk. */
  async refresh(): Promise<void> {
    this.#installed = await listModels(this.folder);
    const runtime = await this.runtime();
    this.#hasRuntime = runtime !== null && (await isRuntimeInstalled(runtime, this.#options.storageFolder));
    this.#listeners.call(undefined);
  }

  /** Fails with modelNotDeletable. */
  async delete(file: string): Promise<void> {
    await deleteModel(this.folder, file);
    await this.refresh();
  }

  async removeRuntime(): Promise<void> {
    const runtime = await this.runtime();
    if (runtime !== null) await removeRuntime(runtime, this.#options.storageFolder);
    await this.refresh();
  }
}
