import * as vscode from "vscode";
import { Listeners } from "../base/listeners.ts";
import type { EngineClient } from "../client/engineClient.ts";
import { Failure, toFailure } from "../protocol/failure.ts";
import { english } from "../protocol/sentence.ts";
import { readExcludeGlobs } from "./configuration.ts";
import { FileWatch } from "./fileWatch.ts";
import type { FolderIndex } from "./folderIndex.ts";
import { chosenFolder } from "./workspaceFolder.ts";

export interface WorkspaceSyncOptions {
  readonly client: EngineClient;
  readonly index: FolderIndex;
  readonly log: vscode.LogOutputChannel;
}

/** Settings that the engine reads only while it starts. */
const restartSettings = ["precis.engine.device"];
/** Settings that decide which files are indexed. */
const indexSettings = ["precis.index.ignoreGlobs", "precis.index.maxFileKiB"];
const excludeSettings = ["files.exclude", "search.exclude"];

/** Keeps engine and index in step with the window: its folders, its settings, and the files that change in it. */
export class WorkspaceSync {
  readonly #options: WorkspaceSyncOptions;
  readonly #subscriptions: readonly vscode.Disposable[];
  readonly #settingsPassed = new Listeners<undefined>();
  #watch: FileWatch | null = null;
  #watched: string | null = null;

  constructor(options: WorkspaceSyncOptions) {
    this.#options = options;
    this.#subscriptions = [
      vscode.workspace.onDidChangeWorkspaceFolders(() => {
        this.chooseFolder();
        this.indexIfWanted();
      }),
      vscode.workspace.onDidChangeConfiguration((change) => {
        void this.#settingsChanged(change);
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        void this.#reconfigure();
      }),
    ];
  }

  /** The engine works with changed settings from now on. */
  onSettingsPassed(listener: () => void): { dispose(): void } {
    return this.#settingsPassed.add(listener);
  }

  /** Before a question: chooses the folder it is about, and waits until that is indexed. Rejects with a Failure. */
  async prepare(signal: AbortSignal): Promise<void> {
    this.chooseFolder();
    if (this.#options.index.folder === null) throw new Failure("workspaceMissing", "no folder is open");
    await this.#options.index.ready(signal);
  }

  chooseFolder(): void {
    const folder = chosenFolder();
    const { index } = this.#options;
    index.choose(folder === null ? null : { folder: folder.uri.fsPath, excludeGlobs: readExcludeGlobs(folder.uri) });
    if (index.folder === this.#watched) return;
    this.#watch?.dispose();
    this.#watched = index.folder;
    this.#watch =
      index.folder === null
        ? null
        : new FileWatch(index.folder, (paths) => {
            index.filesChanged(paths);
          });
  }

  /** Indexes the folder when the settings say that opening it is enough. */
  indexIfWanted(): void {
    const { index } = this.#options;
    if (index.folder === null || index.state.kind !== "none") return;
    const scope = vscode.Uri.file(index.folder);
    if (vscode.workspace.getConfiguration("precis", scope).get("index.onOpen") === true) index.reindex();
  }

  dispose(): void {
    this.#watch?.dispose();
    this.#settingsPassed.clear();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  async #settingsChanged(change: vscode.ConfigurationChangeEvent): Promise<void> {
    const affects = (names: readonly string[]): boolean => names.some((name) => change.affectsConfiguration(name));
    const { client, index, log } = this.#options;
    const wasIndexed = index.state.kind !== "none";
    try {
      // A stopped engine reads the settings when it starts.
      if (client.state.kind !== "stopped" && affects(["precis"])) {
        await (affects(restartSettings) ? client.restart() : this.#reconfigure());
      }
    } catch (thrown) {
      log.warn(`The settings could not be passed on: ${toFailure(thrown).message}`);
    }
    if (affects(excludeSettings)) this.chooseFolder();
    if (wasIndexed && affects([...excludeSettings, ...indexSettings])) index.reindex();
  }

  async #reconfigure(): Promise<void> {
    const { client, log } = this.#options;
    if (client.state.kind === "stopped") return;
    for (const problem of await client.configure()) log.warn(english(problem));
    this.#settingsPassed.call(undefined);
  }
}
