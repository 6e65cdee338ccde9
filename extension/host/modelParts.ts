import * as vscode from "vscode";
import { Downloads } from "../client/downloads.ts";
import type { EngineClient } from "../client/engineClient.ts";
import type { Settings } from "../protocol/settings.ts";
import { modelInUse } from "./configuration.ts";
import { downloadCommand } from "./engineCommand.ts";
import { ModelActions } from "./modelActions.ts";
import { ModelChooser } from "./modelChooser.ts";
import { ModelDownloads } from "./modelDownloads.ts";
import { ModelLibrary } from "./modelLibrary.ts";
import type { ModelFacts } from "./modelNodes.ts";
import { readProxySettings } from "./proxySettings.ts";

export interface ModelPartsOptions {
  readonly client: EngineClient;
  readonly extensionFolder: string;
  readonly storageFolder: string;
  readonly settings: () => Settings;
  readonly log: vscode.LogOutputChannel;
}

/** Everything about models, built in order. */
export class ModelParts {
  readonly downloads: Downloads;
  readonly library: ModelLibrary;
  readonly #actions: ModelActions;
  readonly #modelDownloads: ModelDownloads;

  constructor({ client, extensionFolder, storageFolder, settings, log }: ModelPartsOptions) {
    this.downloads = new Downloads({ command: () => downloadCommand(extensionFolder, readProxySettings()) });
    this.library = new ModelLibrary({ root: extensionFolder, storageFolder, settings });
    const { downloads, library } = this;
    const onRuntime = (): Promise<void> => client.restart();
    this.#modelDownloads = new ModelDownloads({ downloads, library, storageFolder, onRuntime, log });
    const modelDownloads = this.#modelDownloads;
    const chooser = new ModelChooser({ client, library, downloads: modelDownloads, log });
    this.#actions = new ModelActions({ client, chooser, library, downloads, modelDownloads });
  }

  /** For the Engine view. */
  get facts(): ModelFacts {
    return {
      inUse: {
        assistant: modelInUse("assistant"),
        completer: modelInUse("completer"),
        scorer: modelInUse("scorer"),
      },
      installed: this.library.installed,
      downloads: this.downloads.all,
      hasRuntime: this.library.hasRuntime,
    };
  }

  registerCommands(): vscode.Disposable[] {
    return [
      ...this.#actions.registerCommands(),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("precis.model.folder")) void this.look();
      }),
    ];
  }

  /** Finds what is on the disk, and what earlier windows left unfinished. */
  async look(): Promise<void> {
    await this.library.refresh();
    await this.downloads.restore(this.library.folder);
  }

  dispose(): void {
    this.#modelDownloads.dispose();
    void this.downloads.dispose();
  }
}
