import * as vscode from "vscode";
import type { EngineState } from "../client/engineClient.ts";
import { unreachable } from "../base/unreachable.ts";
import type { EngineStatus, IndexSummary } from "../protocol/engine.ts";
import type { FileProblem } from "../protocol/units.ts";
import type { EngineNode } from "./engineNode.ts";
import type { IndexState } from "./folderIndex.ts";
import { kvNode } from "./kvNodes.ts";
import { bytes, number } from "./numberText.ts";

export interface EngineSource {
  readonly engine: () => EngineState;
  readonly index: () => IndexState;
  readonly summary: () => IndexSummary | null;
  /** What the engine said about itself last; null before. */
  readonly status: () => EngineStatus | null;
  /** One sentence per setting that is not valid. */
  readonly settingProblems: () => readonly string[];
  /** Where the engine runs, in words. */
  readonly hostName: () => string;
}

const problemsShown = 100;

/** How the engine is: its state, the index, the models, the device and why it is this one, memory, and problems. */
export class EngineTree implements vscode.TreeDataProvider<EngineNode> {
  readonly #source: EngineSource;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(source: EngineSource) {
    this.#source = source;
  }

  refresh(): void {
    this.#changed.fire(undefined);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  getChildren(node?: EngineNode): EngineNode[] {
    return [...(node === undefined ? this.#roots() : (node.children ?? []))];
  }

  getTreeItem(node: EngineNode): vscode.TreeItem {
    const hasChildren = node.children !== undefined && node.children.length > 0;
    const { None, Collapsed } = vscode.TreeItemCollapsibleState;
    const item = new vscode.TreeItem(node.label, hasChildren ? Collapsed : None);
    item.description = node.description;
    item.iconPath = new vscode.ThemeIcon(node.icon);
    item.tooltip = node.tooltip ?? `${node.label}: ${node.description}`;
    if (node.context !== undefined) item.contextValue = node.context;
    if (node.command !== undefined) item.command = { command: node.command, title: node.label };
    return item;
  }

  #roots(): EngineNode[] {
    const status = this.#source.status();
    const roots = [processNode(this.#source.engine(), this.#source.hostName()), this.#indexNode()];
    if (status !== null)
      roots.push(...modelNodes(status), ...deviceNodes(status), memoryNode(status), kvNode(status.kv, status.cache));
    const settingProblems = this.#source.settingProblems();
    if (settingProblems.length > 0) {
      roots.push({
        label: "Settings",
        description: `${settingProblems.length} not valid`,
        icon: "warning",
        command: "precis.openSettings",
        children: settingProblems.map((problem) => ({ label: problem, description: "", icon: "circle-small" })),
      });
    }
    const problems = this.#source.summary()?.problems ?? [];
    if (problems.length > 0) roots.push(problemsNode(problems));
    return roots;
  }

  #indexNode(): EngineNode {
    const state = this.#source.index();
    switch (state.kind) {
      case "none":
        return { label: "Index", description: "not built yet", icon: "database", command: "precis.reindex" };
      case "indexing":
        return {
          label: "Index",
          description:
            state.filesTotal === 0
              ? "looking for files…"
              : `${number(state.filesDone)} of ${number(state.filesTotal)} files`,
          icon: "sync~spin",
        };
      case "indexed":
        return indexedNode(this.#source.summary() ?? state.summary);
      case "failed":
        return { label: "Index", description: state.failure.message, icon: "error", command: "precis.reindex" };
      default:
        return unreachable(state);
    }
  }
}

function processNode(state: EngineState, hostName: string): EngineNode {
  const label = "Engine";
  switch (state.kind) {
    case "stopped":
      return { label, description: "starts with the first question", icon: "circle-outline" };
    case "starting":
      return { label, description: state.after === null ? "starting…" : "restarting…", icon: "sync~spin" };
    case "ready": {
      const gpu = { all: "", half: ", half of the model on the GPU", none: ", on the CPU after crashes" }[state.gpu];
      return {
        label,
        description: `running on ${hostName}${gpu}`,
        icon: "check",
        tooltip: `Version ${state.engineVersion}, process ${state.pid}, running on ${hostName}${gpu}`,
      };
    }
    case "failed":
    case "givenUp":
      return { label, description: state.failure.message, icon: "error", command: "precis.restartEngine" };
    case "disposed":
      return { label, description: "closed", icon: "circle-outline" };
    default:
      return unreachable(state);
  }
}

function indexedNode(summary: IndexSummary): EngineNode {
  const languages = Object.entries(summary.unitsPerLanguage).sort(([, a], [, b]) => b - a);
  return {
    label: "Index",
    description: `${number(summary.files)} files, ${number(summary.units)} units`,
    icon: "database",
    children: [
      ...languages.map(([language, units]) => ({
        label: language,
        description: `${number(units)} units`,
        icon: "symbol-namespace",
      })),
      { label: "Lines", description: number(summary.lines), icon: "list-ordered" },
      { label: "Size", description: bytes(summary.indexBytes), icon: "file-binary" },
      { label: "Parser", description: summary.parser, icon: "symbol-structure" },
    ],
  };
}

function modelNodes({ assistant, scorer }: EngineStatus): EngineNode[] {
  return [
    {
      label: "Assistant",
      description: assistant ?? "none: answers are the code itself",
      icon: "hubot",
      context: "assistant",
      tooltip: assistant ?? "Choose a model file to get written answers.",
      ...(assistant === null ? { command: "precis.chooseModel" } : {}),
    },
    { label: "Scorer", description: scorer ?? "not loaded yet", icon: "law" },
  ];
}

function deviceNodes({ device }: EngineStatus): EngineNode[] {
  if (device === null) return [{ label: "Device", description: "chosen with the first model", icon: "chip" }];
  const memory = device.memoryBytes > 0 ? `, ${bytes(device.memoryBytes)}` : "";
  return [
    {
      label: "Device",
      description: `${device.device}: ${device.name}${memory}`,
      icon: "chip",
      tooltip: device.why,
      children: [{ label: device.why, description: "", icon: "question" }],
    },
  ];
}

function memoryNode({ residentBytes }: EngineStatus): EngineNode {
  return { label: "Memory", description: bytes(residentBytes), icon: "dashboard" };
}

function problemsNode(problems: readonly FileProblem[]): EngineNode {
  const shown = problems.slice(0, problemsShown).map((problem) => ({
    label: `${problem.path}:${problem.line}`,
    description: problem.message,
    icon: "circle-small",
  }));
  const more = problems.length - shown.length;
  return {
    label: "Problems",
    description: number(problems.length),
    icon: "warning",
    tooltip: "These files are indexed as far as they could be parsed.",
    children: more > 0 ? [...shown, { label: `… and ${number(more)} more`, description: "", icon: "ellipsis" }] : shown,
  };
}
