import { isDeepStrictEqual } from "node:util";
import * as vscode from "vscode";
import type { EngineState } from "../client/engineClient.ts";
import type { EngineStatus } from "../protocol/engine.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { CompletionStatus } from "./completionStatus.ts";
import type { EngineNode } from "./engineNode.ts";
import { completionNode, memoryNode, presetNode, processNode, settingsNode, speedNode } from "./engineNodes.ts";
import type { IndexState } from "./folderIndex.ts";
import { indexNodes } from "./indexNodes.ts";
import { kvNode } from "./kvNodes.ts";
import { deviceNodes, modelNodes } from "./modelNodes.ts";
import type { ModelFacts } from "./modelNodes.ts";
import { treeItem } from "./treeItem.ts";
import { trustNode } from "./trustNode.ts";

export interface EngineSource {
  readonly engine: () => EngineState;
  readonly index: () => { readonly state: IndexState; readonly updatedMs: number | null };
  /** What the engine said about itself last; null before. */
  readonly status: () => EngineStatus | null;
  readonly models: () => ModelFacts;
  readonly completion: () => CompletionStatus;
  /** One sentence per setting that is not valid. */
  readonly settingProblems: () => readonly Sentence[];
  /** The preset in force, in words; null where the settings are the person's own. */
  readonly preset: () => string | null;
  readonly isTrusted: () => boolean;
  /** Where the engine runs, in words. */
  readonly hostName: () => string;
}

/** How the engine is: its state, the index, the models, the device and why it is this one, memory, and problems. */
export class EngineTree implements vscode.TreeDataProvider<EngineNode> {
  readonly #source: EngineSource;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  /** What VS Code was given last. */
  #shown: readonly EngineNode[] = [];

  constructor(source: EngineSource) {
    this.#source = source;
  }

  /** Draws the rows anew where they changed: a row that is opened while they are drawn stays closed. */
  refresh(): void {
    if (!isDeepStrictEqual(this.#roots(), this.#shown)) this.#changed.fire(undefined);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  getChildren(node?: EngineNode): EngineNode[] {
    if (node !== undefined) return [...(node.children ?? [])];
    const roots = this.#roots();
    this.#shown = roots;
    return [...roots];
  }

  getTreeItem(node: EngineNode): vscode.TreeItem {
    const { label, description, icon, tooltip, context, command, argument, children = [] } = node;
    return treeItem({
      label,
      description,
      icon,
      tooltip: tooltip ?? (description === "" ? label : `${label}: ${description}`),
      below: children.length > 0 ? "collapsed" : "none",
      ...(context === undefined ? {} : { context }),
      ...(command === undefined ? {} : { command: { name: command, argument } }),
    });
  }

  #roots(): EngineNode[] {
    const {
      engine,
      index,
      status: statusOf,
      models,
      completion,
      settingProblems,
      preset,
      isTrusted,
      hostName,
    } = this.#source;
    const { state, updatedMs } = index();
    const status = statusOf();
    const ofStatus =
      status === null
        ? []
        : [
            completionNode(status, completion()),
            ...deviceNodes(status, models()),
            memoryNode(status),
            speedNode(status),
            kvNode(status.kv, status.cache),
          ];
    const rows = [
      processNode(engine(), hostName()),
      trustNode(isTrusted()),
      ...indexNodes(state, updatedMs),
      ...modelNodes(status, models()),
      ...ofStatus,
      presetNode(preset()),
      settingsNode(settingProblems()),
    ];
    return rows.filter((row) => row !== null);
  }
}
