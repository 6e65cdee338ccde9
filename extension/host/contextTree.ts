import { isDeepStrictEqual } from "node:util";
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
  /** What VS Code was given last. */
  #shown: ContextContent | null = null;

  constructor(content: () => ContextContent) {
    this.#content = content;
  }

  /** Draws the rows anew where they changed: a row that is opened while they are drawn stays closed. */
  refresh(): void {
    if (!isDeepStrictEqual(this.#content(), this.#shown)) this.#changed.fire(undefined);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  getChildren(node?: ContextNode): ContextNode[] {
    if (node !== undefined) return contextChildren(node);
    this.#shown = this.#content();
    return contextRoots(this.#shown);
  }

  /** VS Code asks when a node is to be revealed, which only the topmost ones are. */
  getParent(): undefined {
    return undefined;
  }

  getTreeItem(node: ContextNode): vscode.TreeItem {
    return treeItem(contextRow(node, this.#content().choices));
  }
}
