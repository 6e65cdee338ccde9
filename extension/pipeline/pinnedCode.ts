/** What a person decided about single pieces of code: those that go along whatever their rank, and those that stay out. */
import type { PinnedPlace, PinReason, UnitName } from "../protocol/engine.ts";
import { sentence } from "../protocol/sentence.ts";
import type { DroppedUnit, Unit } from "../protocol/units.ts";

/** A unit that goes along, and why. */
export interface PinnedUnit {
  readonly unit: Unit;
  readonly why: PinReason;
}

export interface PinnedCode {
  /** In the order of the places, each unit once. */
  readonly units: readonly PinnedUnit[];
  /** Places without code, to be told among what is left out: their tokens are 0. */
  readonly missing: readonly DroppedUnit[];
}

/** Said of units that a person took out. */
export const takenOut = sentence("taken out by you");

/**
 * The units that hold the lines of the places, of several the smallest; a unit that was pinned by its name is found by
 * that, also when it moved. `unitsOfFile` gives the units of a file in order, none where it is not indexed.
 */
export function pinnedCode(places: readonly PinnedPlace[], unitsOfFile: (path: string) => readonly Unit[]): PinnedCode {
  const units = new Map<string, PinnedUnit>();
  const missing: DroppedUnit[] = [];
  for (const place of places) {
    const ofFile = unitsOfFile(place.path);
    const found = unitsAt(place, ofFile);
    for (const unit of found) {
      if (!units.has(unit.id)) units.set(unit.id, { unit, why: place.why });
    }
    if (found.length === 0) missing.push(missingPlace(place, ofFile.length > 0));
  }
  return { units: [...units.values()], missing };
}

/** Whether a unit is one of those that a person took out. */
export function isTakenOut(names: readonly UnitName[]): (unit: Unit) => boolean {
  const keys = new Set(names.map(keyOf));
  return (unit) => keys.has(keyOf(unit));
}

function unitsAt({ qualifiedName, startLine, endLine }: PinnedPlace, ofFile: readonly Unit[]): readonly Unit[] {
  if (startLine === 0) return ofFile;
  const named = ofFile.filter((unit) => unit.qualifiedName === qualifiedName);
  if (named.length > 0) return named;
  const bySize = [...ofFile].sort((a, b) => a.endLine - a.startLine - (b.endLine - b.startLine));
  const claimed = new Set<number>();
  const found = new Set<Unit>();
  for (const unit of bySize) {
    for (const range of unit.ranges) {
      const last = Math.min(range.endLine, Math.max(startLine, endLine));
      for (let line = Math.max(range.startLine, startLine); line <= last; line += 1) {
        if (claimed.has(line)) continue;
        claimed.add(line);
        found.add(unit);
      }
    }
  }
  return ofFile.filter((unit) => found.has(unit));
}

function missingPlace(place: PinnedPlace, isIndexed: boolean): DroppedUnit {
  const { path, startLine, endLine } = place;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const qualifiedName = place.qualifiedName ?? name;
  const id = `${path}:${startLine}-${endLine}`;
  const why = isIndexed
    ? sentence("no code stands at these lines")
    : sentence("the file is not indexed, so it cannot be sent");
  return {
    unit: { id, path, kind: "file", name, qualifiedName, startLine, endLine },
    score: 0,
    tokensRaw: 0,
    why,
  };
}

function keyOf({ path, qualifiedName }: UnitName): string {
  return `${path}#${qualifiedName}`;
}
