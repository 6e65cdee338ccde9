import type { PromptPiece } from "../protocol/units.ts";

/**
 * `instructions` (chat format and system prompt) and `digest` begin every prompt of a repository; a `unit` may be in
 * many prompts; `loose` is the rest: headings, history, the question.
 */
export type PromptSegmentKind = "instructions" | "digest" | "unit" | "loose";

/** A run of a prompt's pieces whose cache is kept together. */
export interface PromptSegment {
  readonly kind: PromptSegmentKind;
  /** The first piece, and one behind the last. */
  readonly first: number;
  readonly end: number;
  /** For people: where a unit stands, else the kind. */
  readonly label: string;
  /** Of a unit's code; empty elsewhere. */
  readonly language: string;
}

/** The pieces of a prompt in segments: ascending, disjoint, covering all of them. */
export function promptSegments(pieces: readonly Pick<PromptPiece, "share" | "text" | "unit">[]): PromptSegment[] {
  const segments: PromptSegment[] = [];
  for (const [at, piece] of pieces.entries()) {
    const last = segments.at(-1);
    const kind = kindOf(piece, last?.kind ?? "instructions");
    if (last !== undefined && kind === last.kind && kind !== "unit") {
      segments[segments.length - 1] = { ...last, end: at + 1 };
      continue;
    }
    const { unit } = piece;
    const label = unit === undefined ? kind : `${unit.path}:${unit.startLine}-${unit.endLine}`;
    segments.push({ kind, first: at, end: at + 1, label, language: kind === "unit" ? languageOf(piece.text) : "" });
  }
  return segments;
}

function kindOf({ share, unit }: Pick<PromptPiece, "share" | "unit">, last: PromptSegmentKind): PromptSegmentKind {
  if (unit !== undefined) return "unit";
  if (share === "digest") return "digest";
  return last === "instructions" && (share === "template" || share === "system") ? "instructions" : "loose";
}

/** Behind the first fence, as `renderUnit` writes it. */
function languageOf(text: string): string {
  return /^`{3,}(\w*)$/m.exec(text)?.[1] ?? "";
}
