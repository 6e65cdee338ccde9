/** Pruning inside a unit: whole statements go, so that what remains is still code. */
import type { Unit } from "../protocol/units.ts";
import { statementsOf, type Statement } from "./pruneStatements.ts";
import { keptLines, unitLines } from "./rendering.ts";
import { scanUnit } from "./renderingMarks.ts";

export interface PruneRequest {
  readonly unit: Unit;
  /** What each line of the unit's text is worth, 0 or more. */
  readonly values: Float64Array;
  /** What each line of the unit's text costs, in tokens. */
  readonly costs: Float64Array;
  /** What the kept lines may cost at most, together with `markCost` for each gap. */
  readonly budget: number;
  readonly markCost: number;
}

/**
 * The lines to keep, ascending: the declaration, and statements in the order of value per token, each with the lines
 * around it that open and close its block. A gap that costs no more than the mark for it is filled. Null where there is
 * nothing to leave out, or no statement fits beside the declaration.
 */
export function pruneLines({ unit, values, costs, budget, markCost }: PruneRequest): number[] | null {
  const lines = unitLines(unit);
  const parts = partsOf(statementsOf(scanUnit(unit), unit.language), null);
  const declaration = new Set(keptLines(unit, "signature"));
  const kept = new Set<Part>();
  let used = 0;
  const keep = (part: Part): void => {
    for (let at: Part | null = part; at !== null && !kept.has(at); at = at.parent) {
      kept.add(at);
      used += sumOf(at.own, costs);
    }
  };
  for (const part of parts) {
    if (part.own.some((at) => declaration.has(lines[at] ?? 0))) keep(part);
  }
  const atFirst = kept.size;
  const open = parts.filter((part) => !kept.has(part));
  const worth = new Map(open.map((part) => [part, sumOf(part.own, values) / (sumOf(part.own, costs) + markCost / 2)]));
  // What is worth less than the unit's mean per token is what pruning is there to leave out.
  const all = parts.flatMap((part) => part.own);
  const mean = sumOf(all, values) / Math.max(1, sumOf(all, costs) + (markCost / 2) * parts.length);
  open.sort((a, b) => (worth.get(b) ?? 0) - (worth.get(a) ?? 0) || a.first - b.first);
  for (const part of open) {
    const added = withoutKept(part, kept).reduce((sum, each) => sum + sumOf(each.own, costs), 0);
    // Every second kept statement stands next to another one.
    if ((worth.get(part) ?? 0) > Math.max(0, mean * (1 - tolerance)) && used + added + markCost / 2 <= budget) {
      keep(part);
      used += markCost / 2;
    }
  }
  if (kept.size === atFirst) return null;
  fillGaps(parts, kept, costs, markCost);
  const shown = new Set([...kept].flatMap((part) => part.own));
  return shown.size >= parts.reduce((sum, part) => sum + part.own.length, 0)
    ? null
    : withBlankLines(lines, shown, unit.text);
}

/** Rounding must not tell statements of the same worth apart. */
const tolerance = 1e-6;

/** A statement without what is inside its bodies. */
interface Part {
  readonly parent: Part | null;
  readonly first: number;
  readonly last: number;
  /** Indexes of its own lines. */
  readonly own: readonly number[];
}

/** Outer ones before inner ones. */
function partsOf(statements: readonly Statement[], parent: Part | null): Part[] {
  return statements.flatMap(({ first, last, bodies }) => {
    const inner = new Set<number>();
    for (const body of bodies) {
      const [start, end] = [body[0]?.first ?? 0, body.at(-1)?.last ?? -1];
      for (let at = start; at <= end; at += 1) inner.add(at);
    }
    const own: number[] = [];
    for (let at = first; at <= last; at += 1) if (!inner.has(at)) own.push(at);
    const part = { parent, first, last, own };
    return [part, ...bodies.flatMap((body) => partsOf(body, part))];
  });
}

function withoutKept(part: Part, kept: ReadonlySet<Part>): Part[] {
  const missing: Part[] = [];
  for (let at: Part | null = part; at !== null && !kept.has(at); at = at.parent) missing.push(at);
  return missing;
}

/** Keeps neighbours that are left out together and cost no more than a mark would. */
function fillGaps(parts: readonly Part[], kept: Set<Part>, costs: Float64Array, markCost: number): void {
  let gap: Part[] = [];
  const close = () => {
    const whole = gap.every((part) => part.parent === null || kept.has(part.parent) || gap.includes(part.parent));
    if (whole && gap.reduce((sum, part) => sum + sumOf(part.own, costs), 0) <= markCost)
      for (const part of gap) kept.add(part);
    gap = [];
  };
  for (const part of [...parts].sort((a, b) => a.first - b.first)) {
    if (kept.has(part)) close();
    else gap.push(part);
  }
  close();
}

/** A blank line between two kept lines needs no mark. */
function withBlankLines(lines: readonly number[], shown: ReadonlySet<number>, text: string): number[] {
  const texts = text.split("\n");
  return lines.filter((_, at) => shown.has(at) || (texts[at]?.trim() === "" && shown.has(at - 1) && shown.has(at + 1)));
}

function sumOf(indexes: readonly number[], values: Float64Array): number {
  return indexes.reduce((sum, at) => sum + (values[at] ?? 0), 0);
}
