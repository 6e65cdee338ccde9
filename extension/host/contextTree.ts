import * as vscode from "vscode";
import { contextChildren, contextRoots } from "./contextNodes.ts";
import type { ContextContent, ContextNode } from "./contextNodes.ts";
import { contextRow } from "./contextRows.ts";
import { treeItem } from "./treeItem.ts";

/** What the model read for the last question, piece by piece; what was left out; and which files are never read. */
export class ContextTree implements vscode.TreeDataProvider<ContextNode> {
  readonly #content: () => ContextContent;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(content: () => ContextContent) {
    this.#content = content;
  }

  refresh(): void {
    this.#changed.fire(undefined);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  getChildren(node?: ContextNode): ContextNode[] {
    return node === undefined ? contextRoots(this.#content()) : contextChildren(node);
  }

  /** VS Code asks when a node is to be revealed, which only the topmost ones are. */
  getParent(): undefined {
    return undefined;
  }

  getTreeItem(node: ContextNode): vscode.TreeItem {
    return treeItem(contextRow(node, this.#content().choices));
  }
}
