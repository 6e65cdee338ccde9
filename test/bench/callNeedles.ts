/**
 * Call needles: a function is cut before a call of something that another file defines, and what stands before the cut
 * has to find that definition, as a completion there would need it. The files that are cut are not in the index: they
 * would lead to the definition by the very call that is to be completed.
 */
import type { TableEncoder } from "../../extension/engine/staticTable.ts";
import type { Grammars } from "../../extension/engine/grammars.ts";
import { pathKind } from "../../extension/pipeline/pathKinds.ts";
import { pathOfId } from "../../extension/pipeline/staticScores.ts";
import type { LikelihoodScorer } from "../../extension/pipeline/ports.ts";
import { type RankerName, rankerNames } from "../../extension/protocol/settings.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";
import type { BenchContext } from "./benchContext.ts";
import { differences, meanOfMeans, questionInterval, type Interval } from "./bootstrap.ts";
import { withIndex } from "./indexedFolder.ts";
import { withFiles } from "./maskedWorkspace.ts";
import type { BenchRepository } from "./rankingData.ts";
import { intervalText } from "./report.ts";
import { rankingsOf } from "./signalRankings.ts";
import { isFunction, parseSourceFiles, readSourceFiles } from "./sourceFiles.ts";

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
  const grammars = await context.grammars();
  const needsLikelihood: readonly RankerName[] = ["longcodezip", "likelihood"];
  const rows = rankerNames.filter((row) => likelihood !== null || !needsLikelihood.includes(row));
  /** Places from 1 by row, repository and needle; 0: not among the first. */
  const places = new Map<RankerName, number[][]>(rows.map((row) => [row, []]));
  for (const repository of data.repositories) {
    const found = await placesIn(repository, {
      rows,
      root: context.options.root,
      grammars,
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
  readonly grammars: Grammars;
  readonly encoder: TableEncoder | null;
  readonly likelihood: LikelihoodScorer | null;
  readonly count: number;
}

async function placesIn(
  { folder, name }: BenchRepository,
  { rows, root, grammars, encoder, likelihood, count }: PlaceOptions,
): Promise<Map<RankerName, number[]>> {
  const files = await readSourceFiles(folder, grammars);
  const units = (await parseSourceFiles(files, grammars)).flatMap((file) => file.units);
  const needles = chooseNeedles(new SeededRandom(name).shuffled(findCalls(units)), count);
  const cut = new Set(needles.map((needle) => needle.path));
  const left = files.filter((file) => !cut.has(file.path));
  return withFiles(left, (copy) =>
    withIndex({ folder: copy, root, encoder }, async ({ index }) => {
      const found = new Map<RankerName, number[]>(rows.map((row) => [row, []]));
      for (const needle of needles) {
        const sources = { source: index, encoder, likelihood };
        const rankings = rankingsOf(needle.before, sources, { top, purpose: "prompt" });
        for (const row of rows) {
          const ranked = await rankings.by(row);
          found.get(row)?.push(ranked.findIndex(({ unit }) => unit.id === needle.definition) + 1);
        }
      }
      return found;
    }),
  );
}

/** At most `count`, none of whose definitions is in a file that another one takes out of the index. */
export function chooseNeedles(needles: readonly CallNeedle[], count: number): CallNeedle[] {
  const chosen: CallNeedle[] = [];
  const cut = new Set<string>();
  const needed = new Set<string>();
  for (const needle of needles) {
    const definedIn = pathOfId(needle.definition);
    if (chosen.length === count) break;
    if (cut.has(definedIn) || needed.has(needle.path)) continue;
    chosen.push(needle);
    cut.add(needle.path);
    needed.add(definedIn);
  }
  return chosen;
}
