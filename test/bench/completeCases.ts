/** Places where code is cut to be completed again: where a definition of another file is named, and anywhere. */
import { cursorSyntax, textSyntax } from "../../extension/pipeline/cursorSyntax.ts";
import { openText } from "../../extension/engine/completionStable.ts";
import type { Grammars } from "../../extension/engine/grammars.ts";
import type { OpenText } from "../../extension/pipeline/completionCandidates.ts";
import { pathKind } from "../../extension/pipeline/pathKinds.ts";
import type { CursorSyntax } from "../../extension/protocol/complete.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import type { DocumentTrees } from "../../extension/syntax/documentTrees.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";
import { isFunction, parseSourceFiles, type SourceText } from "./sourceFiles.ts";

export interface CompleteCase {
  readonly repository: string;
  readonly language: string;
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** The rest of the line, which was cut away. */
  readonly rest: string;
  /** Of the name at the cut; null for a cut anywhere. */
  readonly definition: Unit | null;
  /** The name stands in the function before the cut already. */
  readonly isSeen: boolean;
}

/** Cuts begin so many lines below the first one of their function. */
const linesMin = 2;
const restCharactersMin = 4;

/**
 * One case per function at most, in random order: at a place that names what exactly one definition of the repository
 * defines, in another file, and below the function's second line. At most `count`, none of whose definitions is in a
 * file that another one cuts.
 */
export async function namedCases(
  repository: string,
  files: readonly SourceText[],
  grammars: Grammars,
  count: number,
): Promise<CompleteCase[]> {
  const random = new SeededRandom(`complete ${repository}`);
  const units = (await parseSourceFiles(files, grammars)).flatMap((file) => file.units);
  const definitions = Map.groupBy(
    units.filter((unit) => unit.signature !== ""),
    (unit) => unit.name,
  );
  const texts = new Map(files.map((file) => [file.path, file]));
  const chosen: CompleteCase[] = [];
  const cut = new Set<string>();
  const needed = new Set<string>();
  for (const unit of random.shuffled(units.filter((each) => isFunction(each) && pathKind(each.path) === null))) {
    if (chosen.length === count) break;
    const file = texts.get(unit.path);
    if (file === undefined || needed.has(unit.path)) continue;
    const found = random.pick(placesIn(unit, file.text, definitions));
    if (found === undefined || cut.has(found.definition.path)) continue;
    chosen.push({
      ...cutAt(file, found.row, found.column),
      repository,
      definition: found.definition,
      isSeen: found.isSeen,
    });
    cut.add(unit.path);
    needed.add(found.definition.path);
  }
  return chosen;
}

/** Cuts at the beginning of lines of functions, of as many files as possible. */
export async function randomCases(
  repository: string,
  files: readonly SourceText[],
  grammars: Grammars,
  count: number,
): Promise<CompleteCase[]> {
  const random = new SeededRandom(`anywhere ${repository}`);
  const units = (await parseSourceFiles(files, grammars)).flatMap((file) => file.units);
  const texts = new Map(files.map((file) => [file.path, file]));
  const cases: CompleteCase[] = [];
  const used = new Set<string>();
  for (const unit of random.shuffled(units.filter((each) => isFunction(each) && pathKind(each.path) === null))) {
    if (cases.length === count) break;
    const file = texts.get(unit.path);
    if (file === undefined || used.has(unit.path) || unit.endLine - unit.startLine < linesMin + 1) continue;
    const row = random.between(unit.startLine - 1 + linesMin, unit.endLine - 2);
    const line = file.text.split("\n")[row] ?? "";
    if (line.trim().length < restCharactersMin) continue;
    cases.push({
      ...cutAt(file, row, /^\s*/.exec(line)?.[0].length ?? 0),
      repository,
      definition: null,
      isSeen: false,
    });
    used.add(unit.path);
  }
  return cases;
}

/** Paths of the files that are cut, which must not be in the index. */
export function cutPaths(cases: readonly CompleteCase[]): Set<string> {
  return new Set(cases.map(({ path }) => path));
}

export interface OpenedCase {
  readonly open: OpenText;
  readonly syntax: CursorSyntax;
}

/** The document of a case as the engine sees it. */
export async function openCase(found: CompleteCase, grammars: Grammars, trees: DocumentTrees): Promise<OpenedCase> {
  const { path, language, before, after } = found;
  const grammar = await grammars.grammar(language);
  const { signal } = new AbortController();
  const syntax =
    (await trees.readOnce(
      { language: grammar.language, text: before + after },
      (root) => cursorSyntax(root, before + after, before.length, language),
      signal,
    )) ?? textSyntax(before, after, language);
  const params = { path, language, before, after, startLine: 1, trigger: "automatic" as const };
  return { open: openText({ params, scope: syntax.scope, grammar }), syntax };
}

interface NamedPlace {
  readonly row: number;
  readonly column: number;
  readonly definition: Unit;
  readonly isSeen: boolean;
}

function placesIn(unit: Unit, text: string, definitions: ReadonlyMap<string, readonly Unit[]>): NamedPlace[] {
  const lines = text.split("\n");
  const names = new Set(unit.references.filter(({ role }) => role !== "import").map(({ name }) => name));
  return [...names].flatMap((name) => {
    const [definition, ...others] = definitions.get(name) ?? [];
    if (definition === undefined || others.length > 0 || definition.path === unit.path) return [];
    if (definition.language !== unit.language || pathKind(definition.path) !== null) return [];
    const places: NamedPlace[] = [];
    let isSeen = false;
    for (let row = unit.startLine - 1; row < unit.endLine; row += 1) {
      const line = lines[row] ?? "";
      if (/^\s*(?:\/\/|#|\*|--)/.test(line)) continue;
      for (const { index } of line.matchAll(wholeName(name))) {
        if (row >= unit.startLine - 1 + linesMin) places.push({ row, column: index, definition, isSeen });
        isSeen = true;
      }
    }
    return places;
  });
}

function wholeName(name: string): RegExp {
  return new RegExp(`(?<![\\w$])${name.replace(/[^\w]/g, "\\$&")}(?![\\w$])`, "g");
}

function cutAt(
  file: SourceText,
  row: number,
  column: number,
): Pick<CompleteCase, "language" | "path" | "before" | "after" | "rest"> {
  const lines = file.text.split("\n");
  const line = lines[row] ?? "";
  const before = [...lines.slice(0, row), line.slice(0, column)].join("\n");
  const after = ["", ...lines.slice(row + 1)].join("\n");
  return { language: file.language, path: file.path, before, after, rest: line.slice(column) };
}
