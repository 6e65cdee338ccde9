import type { OccursName, ResolveName, ResolvedPlace, ResolvePlace } from "../pipeline/cite.ts";
import type { UnitSource } from "../pipeline/ports.ts";
import { splitWords } from "../pipeline/words.ts";
import type { Prompt, Unit } from "../protocol/units.ts";

/** What citations are looked up in: the index. */
export interface PlaceSource extends UnitSource {
  /** The file as it was indexed; null where it is not. */
  fileText(path: string): { readonly lines: readonly string[] } | null;
  /** Units of a file in order; empty where it is not indexed. */
  unitsOfFile(path: string): readonly Unit[];
}

/** Units looked at for a path or a name that several may have. */
const candidatesMax = 50;

/** Finds the places that an answer mentions. Where a name or the end of a path fits several, the prompt's go first. */
export function placeFinder(
  source: PlaceSource,
  prompt: Prompt,
): { readonly resolve: ResolvePlace; readonly resolveName: ResolveName; readonly occurs: OccursName } {
  const shown = new Map(prompt.pieces.flatMap(({ unit }) => (unit === undefined ? [] : [[unit.id, unit.path]])));
  const shownPaths = new Set(shown.values());
  return {
    resolve(path, startLine, endLine) {
      const found =
        source.fileText(path) === null ? onlyOne(pathsEndingWith(source, path), (one) => shownPaths.has(one)) : path;
      return found === null ? null : placeIn(source, found, startLine, endLine);
    },
    resolveName(name) {
      const simple = name.slice(name.lastIndexOf(".") + 1);
      const units = source
        .units(source.unitsNamed([simple], candidatesMax, ""))
        .filter(({ qualifiedName }) => qualifiedName === name || qualifiedName.endsWith(`.${name}`));
      const unit = onlyOne(units, ({ id }) => shown.has(id));
      return unit === null ? null : placeOf(unit);
    },
    occurs(name) {
      // The last word of an identifier is the whole of it, joined.
      const word = splitWords(name.slice(name.lastIndexOf(".") + 1)).at(-1);
      return word === undefined || source.documentFrequency([word]).size > 0;
    },
  };
}

/** Null for lines that the file does not have. */
function placeIn(source: PlaceSource, path: string, startLine: number, endLine: number): ResolvedPlace | null {
  const lines = source.fileText(path)?.lines.length ?? 0;
  if (startLine === 0) return { path, startLine: 1, endLine: lines };
  if (endLine > lines) return null;
  const around = source
    .unitsOfFile(path)
    .filter((unit) => unit.startLine <= startLine && unit.endLine >= endLine && unit.kind !== "header")
    .sort((a, b) => a.endLine - a.startLine - (b.endLine - b.startLine))[0];
  return { path, startLine, endLine, ...(around === undefined ? {} : { name: around.qualifiedName }) };
}

function placeOf({ path, startLine, endLine, qualifiedName }: Unit): ResolvedPlace {
  return { path, startLine, endLine, name: qualifiedName };
}

function pathsEndingWith(source: PlaceSource, path: string): string[] {
  const units = source.units(source.unitsInPaths([path.toLowerCase()], candidatesMax, ""));
  return [...new Set(units.map((unit) => unit.path))];
}

/** The only one, or the only preferred one; else null. */
function onlyOne<T>(candidates: readonly T[], preferred: (candidate: T) => boolean): T | null {
  const [first, ...others] = candidates;
  if (first === undefined) return null;
  if (others.length === 0) return first;
  const [better, ...rest] = candidates.filter(preferred);
  return better !== undefined && rest.length === 0 ? better : null;
}
