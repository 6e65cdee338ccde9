import type { RankedUnit, Unit } from "../protocol/units.ts";
import type { UnitSource } from "./ports.ts";

/** The best units, whose mentions count, and how many names and definitions are looked up for them. */
const mentioningUnits = 6;
const namesMax = 64;
const definitionsMax = 128;

/**
 * Definitions that the best units call or name as types and that are not ranked themselves, in the order of mention. A
 * name with several definitions is left out: it would be a guess.
 */
export function relatedUnits(ranked: readonly RankedUnit[], source: Pick<UnitSource, "unitsNamed" | "units">): Unit[] {
  const names = new Set<string>();
  for (const { unit } of ranked.slice(0, mentioningUnits)) {
    for (const { name, role } of unit.references) {
      if ((role === "call" || role === "type") && names.size < namesMax) names.add(name);
    }
  }
  if (names.size === 0) return [];
  const known = new Set(ranked.map(({ unit }) => unit.id));
  const byName = new Map<string, Unit[]>();
  for (const unit of source.units(source.unitsNamed([...names], definitionsMax, ""))) {
    if (unit.signature === "" || !names.has(unit.name)) continue;
    byName.set(unit.name, [...(byName.get(unit.name) ?? []), unit]);
  }
  return [...names].flatMap((name) => {
    const [only, ...others] = byName.get(name) ?? [];
    return only === undefined || others.length > 0 || known.has(only.id) ? [] : [only];
  });
}
