import * as vscode from "vscode";
import { relativePath } from "./relativePath.ts";

/** Changes are reported together once nothing has changed for this long. */
const quietMs = 400;

/** Folders whose files are never indexed and change in bulk. */
const neverIndexed = /(^|\/)(\.git|\.hg|\.svn|node_modules)(\/|$)/;

/** Reports which files of a folder changed, as relative paths, in batches. */
export class FileWatch {
  readonly #watcher: vscode.FileSystemWatcher;
  readonly #changed = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(folder: string, report: (paths: readonly string[]) => void) {
    this.#watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, "**/*"));
    const note = (file: vscode.Uri): void => {
      const path = relativePath(folder, file);
      if (path === null || neverIndexed.test(path)) return;
      this.#changed.add(path);
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        const paths = [...this.#changed];
        this.#changed.clear();
        report(paths);
      }, quietMs);
    };
    this.#watcher.onDidCreate(note);
    this.#watcher.onDidChange(note);
    this.#watcher.onDidDelete(note);
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#watcher.dispose();
  }
}
