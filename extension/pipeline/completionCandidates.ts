/**
 * Which definitions of other files the code at a cursor may need next: candidates by the names that the open file
 * mentions, by what it imports, by its folder, and by the graph of references; each with the features that
 * completionValues.ts weighs.
 */
import type { Import, Unit } from "../protocol/units.ts";
import { pathKind } from "./pathKinds.ts";
import type { UnitSource } from "./ports.ts";
import { rankReferences } from "./pageRank.ts";
import { mentionedTogether, graphLookups, type GraphLookups } from "./completionGraph.ts";
import { pathOfId } from "./staticScores.ts";
import { splitWords } from "./words.ts";

/** The document at the cursor, without what is to be completed. */
export interface OpenText {
  /** Relative to the workspace; empty for an untitled document. */
  readonly path: string;
  readonly language: string;
  readonly imports: readonly Import[];
  /** All that is known of the document. */
  readonly text: string;
  /** The function around the cursor; without one the lines near it. */
  readonly scopeText: string;
}

export const candidateFeatures = [
  "isInScope",
  "isInFile",
  "nameInScope",
  "nameInFile",
  "nameAmbiguous",
  "nameImported",
  "fileImported",
  "fileMentioned",
  "sameFolder",
  "folderDistance",
  "ownerInScope",
  "ownerInFile",
  "popularity",
  "references",
  "together",
  "nameWords",
  "isType",
  "isMethod",
  "isHidden",
  "isOffPath",
] as const;
export type CandidateFeature = (typeof candidateFeatures)[number];

export interface CompletionCandidate {
  readonly unit: Unit;
  readonly features: Readonly<Record<CandidateFeature, number>>;
}

export type CandidateSource = Pick<UnitSource, "units" | "unitsNamed" | "unitsInPaths" | "graph">;

/** Names looked up, those of the scope first. */
const namesMax = 400;
const definitionsPerName = 24;
const importedUnitsMax = 400;
const folderUnitsMax = 400;
const referencedMax = 150;
const togetherMax = 150;

/** Definitions of other files; in no order that means anything. */
export function completionCandidates(open: OpenText, source: CandidateSource): CompletionCandidate[] {
  const graph = source.graph();
  const lookups = graphLookups(graph);
  const names = mentionedNames(open);
  const named = [...names.counts.keys()]
    .slice(0, namesMax)
    .flatMap((name) => source.unitsNamed([name], definitionsPerName, ""));
  const isOther = (id: string): boolean => pathOfId(id) !== open.path;
  const namedUnits = source
    .units(named.filter(isOther))
    .filter((unit) => isDefinition(unit) && names.counts.has(unit.name));
  const definitionsOf = countBy(namedUnits, (unit) => unit.name);
  const imported = importedPaths(open, source);
  const folder = folderOf(open.path);
  const seeds = new Map<string, number>();
  for (const unit of namedUnits) {
    const mentions = names.scope.get(unit.name) ?? 0;
    const weight = (mentions > 0 ? 1 : 0.2) / (definitionsOf.get(unit.name) ?? 1);
    seeds.set(unit.id, weight * (imported.has(unit.path) ? 4 : folderOf(unit.path) === folder ? 2 : 1));
  }
  const references = rankReferences(graph, seeds, referencedMax);
  const together = mentionedTogether(graph, lookups, seeds, togetherMax, isOther);
  const ids = new Set([
    ...namedUnits.map(({ id }) => id),
    ...source.unitsInPaths([...imported], importedUnitsMax, ""),
    ...(lookups.byFolder.get(folder) ?? []).slice(0, folderUnitsMax),
    // What a C header declares is often defined one folder up.
    ...(folder === "" ? [] : (lookups.byFolder.get(folderOf(folder)) ?? [])).slice(0, folderUnitsMax),
    ...references.map(({ id }) => id),
    ...together.keys(),
  ]);
  const units = source
    .units([...ids].filter(isOther))
    .filter((unit) => isDefinition(unit) && unit.language === open.language);
  const fileMentions = countBy(
    namedUnits,
    (unit) => unit.path,
    (unit) => 1 / (definitionsOf.get(unit.name) ?? 1),
  );
  const referenceValues = new Map(references.map(({ id, value }) => [id, value]));
  const words = new Set(splitWords(open.scopeText));
  const importedNames = new Set(open.imports.flatMap((found) => found.names));
  return units.map((unit) => ({
    unit,
    features: featuresOf(unit, {
      open,
      names,
      imported,
      importedNames,
      definitionsOf,
      fileMentions,
      folder,
      lookups,
      referenceValues,
      together,
      words,
    }),
  }));
}

interface Known {
  readonly open: OpenText;
  readonly names: MentionedNames;
  readonly imported: ReadonlySet<string>;
  readonly importedNames: ReadonlySet<string>;
  readonly definitionsOf: ReadonlyMap<string, number>;
  readonly fileMentions: ReadonlyMap<string, number>;
  readonly folder: string;
  readonly lookups: GraphLookups;
  readonly referenceValues: ReadonlyMap<string, number>;
  readonly together: ReadonlyMap<string, number>;
  readonly words: ReadonlySet<string>;
}

function featuresOf(unit: Unit, known: Known): Record<CandidateFeature, number> {
  const { names } = known;
  const own = folderOf(unit.path);
  const owner = unit.qualifiedName.split(".").at(-2) ?? "";
  const nameWords = splitWords(unit.name);
  const shared = nameWords.filter((word) => known.words.has(word)).length;
  return {
    isInScope: Number(names.scope.has(unit.name)),
    isInFile: Number(names.counts.has(unit.name)),
    nameInScope: Math.log1p(names.scope.get(unit.name) ?? 0),
    nameInFile: Math.log1p(names.counts.get(unit.name) ?? 0),
    nameAmbiguous: Math.log(Math.max(1, known.definitionsOf.get(unit.name) ?? 1)),
    nameImported: Number(known.importedNames.has(unit.name)),
    fileImported: Number(known.imported.has(unit.path)),
    fileMentioned: Math.log1p(known.fileMentions.get(unit.path) ?? 0),
    sameFolder: Number(own === known.folder),
    folderDistance: Math.log1p(distance(own, known.folder)),
    ownerInScope: Number(names.scope.has(owner)),
    ownerInFile: Number(names.counts.has(owner)),
    popularity: Math.log1p(known.lookups.referringFiles.get(unit.id) ?? 0),
    references: logShare(known.referenceValues.get(unit.id) ?? 0),
    together: logShare(known.together.get(unit.id) ?? 0),
    nameWords: nameWords.length === 0 ? 0 : shared / nameWords.length,
    isType: Number(unit.kind !== "function" && unit.kind !== "method" && unit.kind !== "constant"),
    isMethod: Number(unit.kind === "method" || owner !== ""),
    isHidden: Number(isHidden(unit, own === known.folder)),
    isOffPath: Number(pathKind(unit.path) !== null),
  };
}

/** 0…1 on a logarithmic scale: a hundredth of the best is a half. */
function logShare(value: number): number {
  return value <= 0 ? 0 : Math.max(0, 1 + Math.log10(value) / 4);
}

function isHidden(unit: Unit, sameFolder: boolean): boolean {
  if (unit.language === "go") return !sameFolder && /^\p{Ll}/u.test(unit.name);
  return unit.name.startsWith("_");
}

function isDefinition(unit: Unit): boolean {
  return unit.signature !== "";
}

interface MentionedNames {
  /** In the whole document, those of the scope first. */
  readonly counts: ReadonlyMap<string, number>;
  readonly scope: ReadonlyMap<string, number>;
}

const identifier = /[\p{L}_$][\p{L}\p{N}_$]*/gu;

function mentionedNames({ text, scopeText }: OpenText): MentionedNames {
  const scope = new Map<string, number>();
  for (const [name] of scopeText.matchAll(identifier)) scope.set(name, (scope.get(name) ?? 0) + 1);
  const counts = new Map<string, number>(Array.from(scope.keys(), (name) => [name, 0]));
  for (const [name] of text.matchAll(identifier)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return { counts, scope };
}

/** Paths of the files that the document imports, as far as they can be told. */
function importedPaths(open: OpenText, source: CandidateSource): Set<string> {
  const found = new Set<string>();
  for (const { module, names } of open.imports) {
    const segments = module.split(/[./\\:]+/).filter((segment) => /\w/.test(segment) && !placeMarks.has(segment));
    const plain = /\.(?:h|hh|hpp|hxx|[cm]?[jt]sx?|rb|sh|lua|php)$/.test(module) ? segments.slice(0, -1) : segments;
    const last = plain.at(-1);
    const forms = [
      ...names.map((name) => [...plain.slice(-1), name]),
      plain.slice(-2),
      ...(last === undefined
        ? []
        : [
            [...plain.slice(-2), "index"],
            [...plain.slice(-2), "__init__"],
            [...plain.slice(-2), "mod"],
          ]),
    ].filter((form) => form.length > 0);
    for (const form of forms) {
      const paths = new Set(source.unitsInPaths([form.join("/")], importedUnitsMax, "").map(pathOfId));
      paths.delete(open.path);
      const best = closestPaths(open.path, [...paths]);
      for (const path of best) found.add(path);
      if (best.length > 0 && form !== forms[0] && names.length === 0) break;
    }
    // Go imports folders.
    if (last !== undefined && open.language === "go") {
      for (const id of graphLookups(source.graph()).byFolderName.get(last) ?? []) found.add(pathOfId(id));
    }
  }
  found.delete(open.path);
  return found;
}

const placeMarks: ReadonlySet<string> = new Set(["crate", "self", "super"]);

/** Of several files that an import may mean, those that share most folders with the document. */
function closestPaths(from: string, paths: readonly string[]): string[] {
  const folder = folderOf(from);
  const distances = paths.map((path) => distance(folderOf(path), folder));
  const least = Math.min(...distances);
  const closest = paths.filter((_, at) => distances[at] === least);
  return closest.length > 4 ? [] : closest;
}

/** Folders to leave and to enter. */
function distance(a: string, b: string): number {
  if (a === b) return 0;
  const left = a.split("/");
  const right = b.split("/");
  let shared = 0;
  while (shared < left.length && shared < right.length && left[shared] === right[shared]) shared += 1;
  return left.length + right.length - 2 * shared;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function countBy<T>(
  items: readonly T[],
  key: (item: T) => string,
  weight: (item: T) => number = () => 1,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + weight(item));
  return counts;
}
