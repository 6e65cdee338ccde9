/**
 * Call needles: a function is cut before a call of something that another file defines, and what stands before the cut
 * has to find that definition, as a completion there would need it.
 */
import type { TableEncoder } from "../../extension/engine/staticTable.ts";
import type { WorkspaceIndex } from "../../extension/engine/index.ts";
import { pathKind } from "../../extension/pipeline/pathKinds.ts";
import type { LikelihoodScorer } from "../../extension/pipeline/ports.ts";
import { type RankerName, rankerNames } from "../../extension/protocol/settings.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";
import type { BenchContext } from "./benchContext.ts";
import { differences, meanOfMeans, questionInterval, type Interval } from "./bootstrap.ts";
import { withIndex } from "./indexedFolder.ts";
import type { BenchRepository } from "./rankingData.ts";
import { intervalText } from "./report.ts";
import { rankingsOf } from "./signalRankings.ts";
import { isFunction } from "./sourceFiles.ts";

export interface CallNeedle {
  /** The last lines before the call, without the path. */
  readonly before: string;
  readonly path: string;
  /** Id of the definition. */
  readonly definition: string;
}

export interface CallRow {
  readonly row: RankerName;
  readonly mrr: number;
  readonly recall10: number;
  /** MRR less that of `lexical`. */
  readonly against: Interval | null;
}

const linesBefore = 12;
/** A cut that leaves less says nothing. */
const linesMin = 3;
const top = 100;

/** Calls whose name one function of another file defines and no other; one per function. */
export function findCalls(units: readonly Unit[]): CallNeedle[] {
  const definitions = Map.groupBy(units.filter(isFunction), (unit) => unit.name);
  return units
    .filter((unit) => isFunction(unit) && pathKind(unit.path) === null)
    .flatMap((unit) => callOf(unit, definitions));
}

function callOf(unit: Unit, definitions: ReadonlyMap<string, readonly Unit[]>): CallNeedle[] {
  const lines = unit.text.split("\n");
  for (const { name, role } of unit.references) {
    const [definition, ...others] = definitions.get(name) ?? [];
    if (role !== "call" || definition === undefined || others.length > 0 || definition.path === unit.path) continue;
    if (pathKind(definition.path) !== null) continue;
    const cut = lines.findIndex((line) => line.includes(`${name}(`));
    const before = lines.slice(Math.max(0, cut - linesBefore), Math.max(0, cut)).join("\n");
    if (cut >= linesMin && !before.includes(name)) return [{ before, path: unit.path, definition: definition.id }];
  }
  return [];
}

export interface CallFigures {
  readonly needles: number;
  readonly rows: readonly CallRow[];
}

/** Null without repositories. */
export async function measureCalls(context: BenchContext): Promise<CallFigures | null> {
  const data = await context.benchData();
  if (data === null) return null;
  const [encoder, likelihood] = [await context.encoder(), await context.likelihood()];
  const needsLikelihood: readonly RankerName[] = ["longcodezip", "likelihood"];
  const rows = rankerNames.filter((row) => likelihood !== null || !needsLikelihood.includes(row));
  /** Places from 1 by row, repository and needle; 0: not among the first. */
  const places = new Map<RankerName, number[][]>(rows.map((row) => [row, []]));
  for (const repository of data.repositories) {
    const found = await placesIn(repository, {
      rows,
      root: context.options.root,
      encoder,
      likelihood,
      count: context.quick ? 3 : 20,
    });
    for (const [row, values] of found) places.get(row)?.push(values);
  }
  const values = (row: RankerName, value: (place: number) => number) =>
    (places.get(row) ?? []).map((group) => group.map(value));
  const reciprocal = (place: number) => (place === 0 ? 0 : 1 / place);
  const finished = rows.map((row): CallRow => ({
    row,
    mrr: meanOfMeans(values(row, reciprocal)),
    recall10: meanOfMeans(values(row, (place) => Number(place >= 1 && place <= 10))),
    against:
      row === "lexical" ? null : questionInterval(differences(values(row, reciprocal), values("lexical", reciprocal))),
  }));
  const needles = (places.get("lexical") ?? []).reduce((sum, group) => sum + group.length, 0);
  context.report.table(
    `Call needles: ${needles} functions cut before a call of another file's function`,
    ["row", "MRR", "recall@10", "MRR against lexical"],
    finished.map(({ row, mrr, recall10, against }) => [
      row,
      mrr,
      recall10,
      against === null ? "" : intervalText(against),
    ]),
  );
  return { needles, rows: finished };
}

interface PlaceOptions {
  readonly rows: readonly RankerName[];
  readonly root: string;
  readonly encoder: TableEncoder | null;
  readonly likelihood: LikelihoodScorer | null;
  readonly count: number;
}

async function placesIn(
  { folder, name }: BenchRepository,
  { rows, root, encoder, likelihood, count }: PlaceOptions,
): Promise<Map<RankerName, number[]>> {
  return withIndex({ folder, root, encoder }, async ({ index }) => {
    const found = new Map<RankerName, number[]>(rows.map((row) => [row, []]));
    for (const needle of new SeededRandom(name).shuffled(findCalls(allUnits(index))).slice(0, count)) {
      const rankings = rankingsOf(needle.before, { source: index, encoder, likelihood }, { top });
      for (const row of rows) {
        // The open file is in the prompt anyway.
        const others = (await rankings.by(row)).filter(({ unit }) => unit.path !== needle.path);
        found.get(row)?.push(others.findIndex(({ unit }) => unit.id === needle.definition) + 1);
      }
    }
    return found;
  });
}

function allUnits(index: WorkspaceIndex): readonly Unit[] {
  return index.units(index.graph().nodes);
}
