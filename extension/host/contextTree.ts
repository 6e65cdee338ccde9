import * as vscode from "vscode";
import type {
  DroppedUnit,
  Prompt,
  PromptPiece,
  Share,
  SkippedFile,
  SkipReason,
  UnitReference,
} from "../protocol/units.ts";
import { shares } from "../protocol/units.ts";
import { unreachable } from "../base/unreachable.ts";

export type ContextNode =
  | { readonly kind: "share"; readonly share: Share; readonly pieces: readonly PromptPiece[] }
  | { readonly kind: "piece"; readonly piece: PromptPiece }
  | { readonly kind: "reserve"; readonly tokens: number }
  | { readonly kind: "leftOut"; readonly dropped: readonly DroppedUnit[] }
  | { readonly kind: "dropped"; readonly dropped: DroppedUnit }
  | { readonly kind: "excluded"; readonly skipped: readonly SkippedFile[] }
  | { readonly kind: "excludedReason"; readonly reason: SkipReason; readonly skipped: readonly SkippedFile[] }
  | { readonly kind: "skipped"; readonly file: SkippedFile }
  | { readonly kind: "more"; readonly count: number };

export interface ContextSource {
  readonly prompt: () => Prompt | null;
  readonly skipped: () => readonly SkippedFile[];
}

/** Longer lists end with "… and N more", so that the tree stays quick. */
const childrenLimit = 200;

/** What the model read for the last question, piece by piece; what was left out; and which files are never read. */
export class ContextTree implements vscode.TreeDataProvider<ContextNode> {
  readonly #source: ContextSource;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(source: ContextSource) {
    this.#source = source;
  }

  refresh(): void {
    this.#changed.fire(undefined);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  getChildren(node?: ContextNode): ContextNode[] {
    if (node === undefined) return this.#roots();
    switch (node.kind) {
      case "share":
        return node.pieces.map((piece) => ({ kind: "piece", piece }));
      case "leftOut":
        return limited(node.dropped.map((dropped) => ({ kind: "dropped", dropped })));
      case "excluded":
        return [...Map.groupBy(node.skipped, ({ reason }) => reason)]
          .sort(([, a], [, b]) => b.length - a.length)
          .map(([reason, skipped]) => ({ kind: "excludedReason", reason, skipped }));
      case "excludedReason":
        return limited(node.skipped.map((file) => ({ kind: "skipped", file })));
      case "piece":
      case "reserve":
      case "dropped":
      case "skipped":
      case "more":
        return [];
      default:
        return unreachable(node);
    }
  }

  getTreeItem(node: ContextNode): vscode.TreeItem {
    switch (node.kind) {
      case "share":
        return shareItem(node.share, node.pieces);
      case "piece":
        return pieceItem(node.piece);
      case "reserve":
        return leaf({
          label: shareLabels.answerReserve,
          description: `${number(node.tokens)} tokens`,
          icon: "edit",
          tooltip: "Kept free for the answer.",
        });
      case "leftOut":
        return group({
          label: "Left out",
          description: `${number(node.dropped.length)} pieces`,
          icon: "circle-slash",
          tooltip: "Ranked, but not sent: each with the reason.",
        });
      case "dropped":
        return unitItem(node.dropped.unit, {
          description: `${number(node.dropped.tokensRaw)} tokens · ${node.dropped.score.toFixed(2)}`,
          facts: [`Left out: ${node.dropped.why}`],
        });
      case "excluded":
        return group({
          label: "Excluded files",
          description: number(node.skipped.length),
          icon: "eye-closed",
          tooltip: "These files are not indexed, so they are never sent.",
        });
      case "excludedReason":
        return group({
          label: skipLabels[node.reason],
          description: number(node.skipped.length),
          icon: "folder",
          tooltip: skipLabels[node.reason],
        });
      case "skipped":
        return leaf({ label: node.file.path, description: node.file.detail, icon: "file", tooltip: node.file.detail });
      case "more":
        return leaf({ label: `… and ${number(node.count)} more`, description: "", icon: "ellipsis", tooltip: "" });
      default:
        return unreachable(node);
    }
  }

  #roots(): ContextNode[] {
    const prompt = this.#source.prompt();
    if (prompt === null) return [];
    const roots: ContextNode[] = [];
    for (const share of shares) {
      const pieces = prompt.pieces.filter((piece) => piece.share === share && piece.tokensSent > 0);
      if (pieces.length > 0) roots.push({ kind: "share", share, pieces });
    }
    roots.push({ kind: "reserve", tokens: prompt.answerReserveTokens });
    if (prompt.dropped.length > 0) roots.push({ kind: "leftOut", dropped: prompt.dropped });
    const skipped = this.#source.skipped();
    if (skipped.length > 0) roots.push({ kind: "excluded", skipped });
    return roots;
  }
}

/** Says in the view's title line how full the budget is. */
export function budgetLine(prompt: Prompt): string {
  const room = prompt.budgetTokens - prompt.answerReserveTokens;
  return `${number(prompt.tokensRaw)} → ${number(prompt.tokensSent)} of ${number(room)} tokens`;
}

const shareLabels: Readonly<Record<Share, string>> = {
  system: "System",
  digest: "Repository digest",
  pinned: "Pinned",
  openFile: "Open file",
  retrieved: "Retrieved",
  history: "History",
  question: "Question",
  template: "Chat format",
  answerReserve: "Answer reserve",
};

const shareIcons: Readonly<Record<Share, string>> = {
  system: "info",
  digest: "list-tree",
  pinned: "pinned",
  openFile: "file-code",
  retrieved: "search",
  history: "history",
  question: "question",
  template: "bracket",
  answerReserve: "edit",
};

const skipLabels: Readonly<Record<SkipReason, string>> = {
  ignored: "Ignored",
  secret: "Secrets",
  binary: "Binary",
  minified: "Minified",
  generated: "Generated",
  vendored: "Vendored",
  tooLarge: "Too large",
  unreadable: "Not readable",
  badEncoding: "Unknown encoding",
  symlinkLoop: "Links in a circle",
  unknownLanguage: "Unknown language",
};

function shareItem(share: Share, pieces: readonly PromptPiece[]): vscode.TreeItem {
  const raw = pieces.reduce((sum, piece) => sum + piece.tokensRaw, 0);
  const sent = pieces.reduce((sum, piece) => sum + piece.tokensSent, 0);
  const item = group({
    label: shareLabels[share],
    description: tokens(raw, sent),
    icon: shareIcons[share],
    tooltip: `${shareLabels[share]}: ${tokens(raw, sent)} in ${number(pieces.length)} pieces`,
  });
  // What the reader wants to see is the code; the rest is a click away.
  if (pieces.some((piece) => piece.unit !== undefined))
    item.collapsibleState = vscode.TreeItemCollapsibleState.Expanded;
  return item;
}

function pieceItem(piece: PromptPiece): vscode.TreeItem {
  const { unit, fidelity, score } = piece;
  if (unit === undefined) {
    const [firstLine = ""] = piece.text.trim().split("\n");
    const description = tokens(piece.tokensRaw, piece.tokensSent);
    return leaf({ label: firstLine, description, icon: "symbol-string", tooltip: piece.text });
  }
  const facts = [`Tokens: ${tokens(piece.tokensRaw, piece.tokensSent)}`];
  if (fidelity !== undefined) facts.push(`Fidelity: ${fidelity}`);
  if (score !== undefined) facts.push(`Score: ${score.toFixed(3)}`);
  facts.push(...piece.reasons.map((reason) => `Why: ${reason}`));
  const parts = [tokens(piece.tokensRaw, piece.tokensSent)];
  if (score !== undefined) parts.push(score.toFixed(2));
  if (fidelity !== undefined && fidelity !== "full") parts.push(fidelity);
  return unitItem(unit, { description: parts.join(" · "), facts });
}

function unitItem(
  unit: UnitReference,
  { description, facts }: { readonly description: string; readonly facts: readonly string[] },
): vscode.TreeItem {
  const place = `${unit.path}:${unit.startLine}-${unit.endLine}`;
  const item = leaf({
    label: unit.qualifiedName,
    description,
    icon: symbolIcons[unit.kind],
    tooltip: [`${unit.kind} ${unit.qualifiedName}`, place, ...facts].join("\n"),
  });
  item.contextValue = "unit";
  item.command = { command: "precis.openPiece", title: "Open in Editor", arguments: [unit] };
  item.accessibilityInformation = { label: `${unit.qualifiedName}, ${place}, ${description}` };
  return item;
}

const symbolIcons: Readonly<Record<UnitReference["kind"], string>> = {
  function: "symbol-function",
  method: "symbol-method",
  class: "symbol-class",
  interface: "symbol-interface",
  enum: "symbol-enum",
  type: "symbol-type-parameter",
  module: "symbol-module",
  constant: "symbol-constant",
  header: "symbol-file",
  file: "symbol-file",
};

interface ItemOptions {
  readonly label: string;
  readonly description: string;
  readonly icon: string;
  readonly tooltip: string;
}

function leaf({ label, description, icon, tooltip }: ItemOptions): vscode.TreeItem {
  const item = new vscode.TreeItem(label);
  item.description = description;
  item.iconPath = new vscode.ThemeIcon(icon);
  item.tooltip = tooltip;
  return item;
}

function group(options: ItemOptions): vscode.TreeItem {
  const item = leaf(options);
  item.collapsibleState = vscode.TreeItemCollapsibleState.Collapsed;
  return item;
}

function limited(nodes: readonly ContextNode[]): ContextNode[] {
  if (nodes.length <= childrenLimit) return [...nodes];
  return [...nodes.slice(0, childrenLimit), { kind: "more", count: nodes.length - childrenLimit }];
}

function tokens(raw: number, sent: number): string {
  return raw === sent ? `${number(sent)} tokens` : `${number(raw)} → ${number(sent)} tokens`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
