/** How much of what answers a question is in its compressed context. */
import type { CompressedUnit } from "../../extension/pipeline/compressRequest.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import type { Target } from "./ndcg.ts";
import { functionsAt } from "./sweQa.ts";

/** Shares, 0…1; null where a question names nothing of the kind. */
export interface Recall {
  /** Functions at the places that are there in any form. */
  readonly functions: number | null;
  /** Places with lines of which at least one is there. */
  readonly spans: number | null;
  /** Lines of these places that are there. */
  readonly lines: number | null;
  /** Files with at least one line there. */
  readonly files: number | null;
  /** Targets as the ranking benchmark counts them: a place with lines needs one of them, any other needs its file. */
  readonly targets: number | null;
}

export const recallMeasures = ["functions", "spans", "lines", "files", "targets"] as const;
export type RecallMeasure = (typeof recallMeasures)[number];

/** Paths of targets and of units are relative to the same folder. */
export function recallOf(
  kept: readonly Pick<CompressedUnit, "ranked" | "lines">[],
  targets: readonly Target[],
  unitsOfFile: (path: string) => readonly Unit[],
): Recall {
  const shown = new Map<string, Set<number>>();
  for (const { ranked, lines } of kept) {
    const known = shown.get(ranked.unit.path) ?? new Set<number>();
    for (const line of lines) known.add(line);
    shown.set(ranked.unit.path, known);
  }
  const spans = targets.filter(({ lines }) => lines !== null);
  const lines = spans.flatMap((target) => linesOf(target).map((line) => ({ path: target.path, line })));
  const files = [...new Set(targets.map(({ path }) => path))];
  const ids = new Set(kept.map(({ ranked }) => ranked.unit.id));
  const isShown = (path: string, line: number) => shown.get(path)?.has(line) === true;
  const isHit = (target: Target) =>
    target.lines === null ? shown.has(target.path) : linesOf(target).some((line) => isShown(target.path, line));
  return {
    functions: shareOf([...functionsAt(targets, unitsOfFile)], (id) => ids.has(id)),
    spans: shareOf(spans, isHit),
    lines: shareOf(lines, ({ path, line }) => isShown(path, line)),
    files: shareOf(files, (path) => shown.has(path)),
    targets: shareOf(targets, isHit),
  };
}

function linesOf({ lines }: Target): number[] {
  if (lines === null) return [];
  return Array.from({ length: Math.max(0, lines.endLine - lines.startLine + 1) }, (_, at) => lines.startLine + at);
}

function shareOf<T>(items: readonly T[], holds: (item: T) => boolean): number | null {
  return items.length === 0 ? null : items.filter(holds).length / items.length;
}
