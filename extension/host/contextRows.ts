/** The rows of the Context view: how each of its nodes looks and what can be done with it. */
import { t } from "@vscode/l10n";
import { unreachable } from "../base/unreachable.ts";
import type { PinnedPlace, UnitName } from "../protocol/engine.ts";
import type { PersonChoices } from "../protocol/personChoices.ts";
import type { DroppedUnit, Fidelity, PromptPiece, Share, SkipReason, UnitReference } from "../protocol/units.ts";
import type { ContextNode } from "./contextNodes.ts";
import { decimal, number } from "./numberText.ts";
import { isSameName, pinsOf } from "./pins.ts";
import { sentenceText } from "./sentenceText.ts";
import { shareLabel } from "./shareLabels.ts";
import type { TreeRow } from "./treeRow.ts";

/** `choices` decide which actions a piece offers. */
export function contextRow(node: ContextNode, choices: PersonChoices): TreeRow {
  switch (node.kind) {
    case "share":
      return shareRow(node.share, node.pieces);
    case "piece":
      return pieceRow(node.piece, choices);
    case "reserve":
      return plainRow({
        label: shareLabel("answerReserve"),
        description: tokens(node.tokens, node.tokens),
        icon: "edit",
        tooltip: t("Kept free for the answer."),
      });
    case "free":
      return plainRow({
        label: shareLabel("free"),
        description: tokens(node.tokens, node.tokens),
        icon: "circle-outline",
        tooltip: t("What nothing took: more code would not be worth its tokens, or there is no more."),
      });
    case "choices":
      return choicesRow(node.choices);
    case "pin":
      return pinRow(node.place);
    case "out":
      return outRow(node.name);
    case "leftOut":
      return groupRow({
        label: t("Left out"),
        description: counted(node.dropped.length),
        icon: "circle-slash",
        tooltip: t("Ranked or pinned, but not sent: each with the reason."),
      });
    case "dropped":
      return droppedRow(node.dropped, choices);
    case "excluded":
      return groupRow({
        label: t("Excluded files"),
        description: number(node.skipped.length),
        icon: "eye-closed",
        tooltip: t("These files are not indexed, so they are never sent."),
      });
    case "excludedReason":
      return groupRow({
        label: skipLabel(node.reason),
        description: number(node.skipped.length),
        icon: "folder",
        tooltip: skipLabel(node.reason),
      });
    case "skipped": {
      const detail = sentenceText(node.file.detail);
      return plainRow({ label: node.file.path, description: detail, icon: "file", tooltip: detail });
    }
    case "more":
      return plainRow({
        label: t("… and {0} more", number(node.count)),
        description: "",
        icon: "ellipsis",
        tooltip: "",
      });
    default:
      return unreachable(node);
  }
}

function shareRow(share: Share, pieces: readonly PromptPiece[]): TreeRow {
  const raw = pieces.reduce((sum, piece) => sum + piece.tokensRaw, 0);
  const sent = pieces.reduce((sum, piece) => sum + piece.tokensSent, 0);
  const description = tokens(raw, sent);
  const row = groupRow({
    label: shareLabel(share),
    description,
    icon: shareIcons[share],
    tooltip: t("{0}: {1} in {2}", shareLabel(share), description, counted(pieces.length)),
  });
  // What the reader wants to see is the code; the rest is a click away.
  return pieces.some((piece) => piece.unit !== undefined) ? { ...row, below: "expanded" } : row;
}

function pieceRow(piece: PromptPiece, choices: PersonChoices): TreeRow {
  const { unit, fidelity, score } = piece;
  const reasons = piece.reasons.map(sentenceText);
  const counts = tokens(piece.tokensRaw, piece.tokensSent);
  if (unit === undefined) return textRow(piece, counts);
  const facts = [t("Tokens: {0}", counts)];
  if (fidelity !== undefined) facts.push(t("Fidelity: {0}", fidelityText(fidelity)));
  if (score !== undefined) facts.push(t("Score: {0}", decimal(score, 3)));
  facts.push(...reasons.map((reason) => t("Why: {0}", reason)));
  const parts = [counts];
  if (score !== undefined) parts.push(decimal(score, 2));
  if (fidelity !== undefined && fidelity !== "full") parts.push(fidelityText(fidelity));
  if (score === undefined && reasons[0] !== undefined) parts.push(reasons[0]);
  const isPinned = pinsOf(unit, choices.pinned).length > 0;
  // What the question itself mentions goes along whatever is taken out.
  const canDrop = piece.share !== "pinned" || isPinned;
  return unitRow(unit, {
    description: parts.join(" · "),
    facts,
    context: ["unit", isPinned ? "unpin" : "pin", ...(canDrop ? ["drop"] : []), "copy"],
  });
}

/** A piece that is not a unit: a heading, an earlier turn, the question. */
function textRow({ share, text, fidelity, reasons, tokensRaw, tokensSent }: PromptPiece, counts: string): TreeRow {
  const lines = text.trim().split("\n");
  const isTurn = share === "history" && fidelity !== undefined;
  const label = isTurn ? (lines[1] ?? "").replace(/^> /, "") : (lines[0] ?? "");
  const parts = [counts, ...(isTurn ? [turnText(fidelity)] : reasons.map(sentenceText))];
  const row = plainRow({
    label,
    description: parts.join(" · "),
    icon: isTurn ? "comment" : "symbol-string",
    tooltip: isTurn && tokensRaw !== tokensSent ? `${parts.join(" · ")}\n\n${text}` : text,
  });
  return { ...row, context: "copy" };
}

function choicesRow({ pinned, dropped }: PersonChoices): TreeRow {
  const parts: string[] = [];
  if (pinned.length > 0) parts.push(t("{0} pinned", number(pinned.length)));
  if (dropped.length > 0) parts.push(t("{0} taken out", number(dropped.length)));
  const row = groupRow({
    label: t("Your choices"),
    description: parts.join(", "),
    icon: "person",
    tooltip: t("They count for every question of this folder, from the next one on."),
  });
  return { ...row, context: "choices" };
}

function pinRow(place: PinnedPlace): TreeRow {
  const { path, startLine, endLine, qualifiedName } = place;
  const lines = startLine === 0 ? path : `${path}:${startLine}-${endLine}`;
  const label = qualifiedName ?? (startLine === 0 ? baseName(path) : `${baseName(path)}:${startLine}-${endLine}`);
  const kind = startLine === 0 ? t("whole file") : qualifiedName === undefined ? t("lines") : t("pinned");
  return {
    ...plainRow({ label, description: `${kind} · ${path}`, icon: "pinned", tooltip: t("Always sent: {0}", lines) }),
    context: "unit unpin",
    command: { name: "precis.openPiece", argument: place },
    spoken: t("Pinned: {0}, {1}", label, lines),
  };
}

function outRow({ path, qualifiedName }: UnitName): TreeRow {
  return {
    ...plainRow({
      label: qualifiedName,
      description: `${t("taken out")} · ${path}`,
      icon: "circle-slash",
      tooltip: t("Never sent: {0} of {1}", qualifiedName, path),
    }),
    context: "takeBack",
    spoken: t("Taken out: {0} of {1}", qualifiedName, path),
  };
}

function droppedRow({ unit, tokensRaw, score, why: reason }: DroppedUnit, choices: PersonChoices): TreeRow {
  const why = sentenceText(reason);
  const isOut = choices.dropped.some((name) => isSameName(name, unit));
  const isPinned = pinsOf(unit, choices.pinned).length > 0;
  const isPlace = tokensRaw === 0;
  const counts = isPlace ? why : `${tokens(tokensRaw, tokensRaw)} · ${decimal(score, 2)} · ${why}`;
  const actions = isOut ? ["takeBack"] : isPlace ? ["unpin"] : [isPinned ? "unpin" : "pin", "drop"];
  return unitRow(unit, {
    description: counts,
    facts: [t("Left out: {0}", why)],
    context: isPlace ? actions : ["unit", ...actions],
  });
}

function unitRow(
  unit: UnitReference,
  shown: { readonly description: string; readonly facts: readonly string[]; readonly context: readonly string[] },
): TreeRow {
  const place = unit.startLine === 0 ? unit.path : `${unit.path}:${unit.startLine}-${unit.endLine}`;
  return {
    ...plainRow({
      label: unit.qualifiedName,
      description: shown.description,
      icon: symbolIcons[unit.kind],
      tooltip: [`${kindText(unit.kind)} ${unit.qualifiedName}`, place, ...shown.facts].join("\n"),
    }),
    context: shown.context.join(" "),
    command: { name: "precis.openPiece", argument: unit },
    spoken: [unit.qualifiedName, place, shown.description, ...shown.facts.slice(-1)].join(", "),
  };
}

type RowTexts = Pick<TreeRow, "label" | "description" | "icon" | "tooltip">;

function plainRow(texts: RowTexts): TreeRow {
  return { ...texts, below: "none" };
}

function groupRow(texts: RowTexts): TreeRow {
  return { ...texts, below: "collapsed" };
}

function tokens(raw: number, sent: number): string {
  return raw === sent ? t("{0} tokens", number(sent)) : t("{0} → {1} tokens", number(raw), number(sent));
}

function counted(pieces: number): string {
  return pieces === 1 ? t("1 piece") : t("{0} pieces", number(pieces));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function kindText(kind: UnitReference["kind"]): string {
  return {
    function: t("function"),
    method: t("method"),
    class: t("class"),
    interface: t("interface"),
    enum: t("enum"),
    type: t("type"),
    module: t("module"),
    constant: t("constant"),
    header: t("header"),
    file: t("file"),
  }[kind];
}

function fidelityText(fidelity: Fidelity): string {
  return { full: t("full"), pruned: t("pruned"), signature: t("signature") }[fidelity];
}

/** How much of an earlier turn is there. */
function turnText(fidelity: Fidelity): string {
  return { full: t("whole"), pruned: t("shortened"), signature: t("question only") }[fidelity];
}

function skipLabel(reason: SkipReason): string {
  return {
    ignored: t("Ignored"),
    secret: t("Secrets"),
    binary: t("Binary"),
    minified: t("Minified"),
    generated: t("Generated"),
    vendored: t("Vendored"),
    tooLarge: t("Too large"),
    unreadable: t("Not readable"),
    badEncoding: t("Unknown encoding"),
    symlinkLoop: t("Links in a circle"),
    unknownLanguage: t("Unknown language"),
  }[reason];
}

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
