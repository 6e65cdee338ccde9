/** What the Context view shows, as a tree of plain values: the shares of a prompt with their pieces, and what is not in it. */
import { unreachable } from "../base/unreachable.ts";
import type { PinnedPlace, UnitName } from "../protocol/engine.ts";
import type { PersonChoices } from "../protocol/personChoices.ts";
import { shares } from "../protocol/units.ts";
import type { DroppedUnit, Prompt, PromptPiece, Share, SkippedFile, SkipReason } from "../protocol/units.ts";
import { freeTokens } from "./budgetView.ts";

export type ContextNode =
  | { readonly kind: "share"; readonly share: Share; readonly pieces: readonly PromptPiece[] }
  | { readonly kind: "piece"; readonly piece: PromptPiece }
  | { readonly kind: "reserve"; readonly tokens: number }
  | { readonly kind: "free"; readonly tokens: number }
  | { readonly kind: "choices"; readonly choices: PersonChoices }
  | { readonly kind: "pin"; readonly place: PinnedPlace }
  | { readonly kind: "out"; readonly name: UnitName }
  | { readonly kind: "leftOut"; readonly dropped: readonly DroppedUnit[] }
  | { readonly kind: "dropped"; readonly dropped: DroppedUnit }
  | { readonly kind: "excluded"; readonly skipped: readonly SkippedFile[] }
  | { readonly kind: "excludedReason"; readonly reason: SkipReason; readonly skipped: readonly SkippedFile[] }
  | { readonly kind: "skipped"; readonly file: SkippedFile }
  | { readonly kind: "more"; readonly count: number };

export interface ContextContent {
  /** What was sent for the last question, or what a preview says would be; null before. */
  readonly prompt: Prompt | null;
  /** Files that are not indexed. */
  readonly skipped: readonly SkippedFile[];
  readonly choices: PersonChoices;
}

/** Longer lists end with "… and N more", so that the tree stays quick. */
const childrenLimit = 200;

/** What the person chose; shares in the prompt's order, whose pieces add up to what is sent; and what is not sent. */
export function contextRoots({ prompt, skipped, choices }: ContextContent): ContextNode[] {
  const hasChosen = choices.pinned.length + choices.dropped.length > 0;
  const roots: ContextNode[] = hasChosen ? [{ kind: "choices", choices }] : [];
  if (prompt === null) return roots;
  roots.push(...promptNodes(prompt));
  if (prompt.dropped.length > 0) roots.push({ kind: "leftOut", dropped: prompt.dropped });
  if (skipped.length > 0) roots.push({ kind: "excluded", skipped });
  return roots;
}

export function contextChildren(node: ContextNode): ContextNode[] {
  switch (node.kind) {
    case "share":
      return node.pieces.map((piece) => ({ kind: "piece", piece }));
    case "choices":
      return [
        ...node.choices.pinned.map((place): ContextNode => ({ kind: "pin", place })),
        ...limited(node.choices.dropped.map((name) => ({ kind: "out", name }))),
      ];
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
    case "free":
    case "pin":
    case "out":
    case "dropped":
    case "skipped":
    case "more":
      return [];
    default:
      return unreachable(node);
  }
}

function promptNodes(prompt: Prompt): ContextNode[] {
  const nodes: ContextNode[] = [];
  for (const share of shares) {
    const pieces = prompt.pieces.filter((piece) => piece.share === share && piece.tokensSent > 0);
    if (pieces.length > 0) nodes.push({ kind: "share", share, pieces });
  }
  nodes.push({ kind: "reserve", tokens: prompt.answerReserveTokens });
  const free = freeTokens(prompt);
  if (free > 0) nodes.push({ kind: "free", tokens: free });
  return nodes;
}

function limited(nodes: readonly ContextNode[]): ContextNode[] {
  if (nodes.length <= childrenLimit) return [...nodes];
  return [...nodes.slice(0, childrenLimit), { kind: "more", count: nodes.length - childrenLimit }];
}
