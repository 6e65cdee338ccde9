/** What a question can mention: the index's files and units whose names hold the typed characters in their order. */
import type { FindMentionsParams, FindMentionsResult, MentionPlace } from "../protocol/engine.ts";
import type { SkippedFile } from "../protocol/units.ts";

/** Patterns of SQLite's LIKE with `\` as escape. What fits one fits those behind it. */
export type NamePatterns = readonly [whole: string, beginning: string, part: string, characters: string];

/** Names that fit the last pattern: first those that fit the first one, and so on, each time the shortest first. */
export interface MentionSource {
  filesLike(patterns: NamePatterns, limit: number): readonly string[];
  /** By qualified name. */
  unitsLike(patterns: NamePatterns, limit: number): readonly MentionedUnit[];
  /** Why a file, or a folder (with `/` at its end), is not indexed; null where no reason is known. */
  skippedAt(path: string): SkippedFile | null;
}

export interface MentionedUnit {
  readonly path: string;
  readonly qualifiedName: string;
  readonly startLine: number;
  readonly endLine: number;
}

/** Longer queries are cut: nobody types them, and each character is a wildcard more. */
const queryCharactersMax = 200;
/** Names that are ranked. */
const candidatesMax = 400;

/** The best places first: the name itself, names that begin so, parts that begin so, then any. */
export function findMentions({ kind, query, top }: FindMentionsParams, source: MentionSource): FindMentionsResult {
  const wanted = trimmedQuery(kind, query);
  const places = kind === "file" ? files(wanted, source) : units(wanted, source);
  const separator = kind === "file" ? "/" : ".";
  const ranks = new Map(places.map((place) => [place, rankOf(place.name, wanted, separator)]));
  const ranked = [...places].sort(
    (a, b) =>
      (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0) ||
      a.name.length - b.name.length ||
      compare(a.name, b.name) ||
      compare(a.path, b.path) ||
      a.startLine - b.startLine,
  );
  const excluded = kind === "file" && !ranked.some(({ isExact }) => isExact) ? exclusionOf(wanted, source) : null;
  return { places: ranked.slice(0, top), excluded };
}

function files(wanted: string, source: MentionSource): MentionPlace[] {
  const paths = source.filesLike(patternsOf(wanted), candidatesMax);
  return paths.map((path) => ({ path, startLine: 0, endLine: 0, name: path, isExact: path === wanted }));
}

function units(wanted: string, source: MentionSource): MentionPlace[] {
  return source.unitsLike(patternsOf(wanted), candidatesMax).map(({ path, qualifiedName, startLine, endLine }) => {
    return { path, startLine, endLine, name: qualifiedName, isExact: qualifiedName === wanted };
  });
}

function patternsOf(wanted: string): NamePatterns {
  const characters = Array.from(wanted, escaped);
  const whole = characters.join("");
  return [whole, `${whole}%`, `%${whole}%`, `%${characters.join("%")}%`];
}

function escaped(character: string): string {
  return /[%_\\]/.test(character) ? `\\${character}` : character;
}

/** 0 is best. The parts of a path are its folders and file, those of a qualified name the names in it. */
function rankOf(name: string, wanted: string, separator: "/" | "."): number {
  if (name === wanted) return 0;
  const [lowered, query] = [name.toLowerCase(), wanted.toLowerCase()];
  const parts = lowered.split(separator);
  const last = parts.at(-1) ?? lowered;
  if (lowered === query || last === query) return 1;
  if (last.startsWith(query)) return 2;
  if (lowered.startsWith(query)) return 3;
  if (parts.some((part) => part.startsWith(query))) return 4;
  return lowered.includes(query) ? 5 : 6;
}

/** The reason for the path itself, else for the nearest folder around it. */
function exclusionOf(path: string, source: MentionSource): SkippedFile | null {
  if (path === "") return null;
  const own = source.skippedAt(path);
  if (own !== null) return own;
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    const folder = source.skippedAt(`${path.slice(0, end)}/`);
    if (folder !== null) return folder;
  }
  return null;
}

/** Paths in the index have `/` and no `./` before them. */
function trimmedQuery(kind: FindMentionsParams["kind"], query: string): string {
  const cut = query.trim().slice(0, queryCharactersMax);
  return kind === "file" ? cut.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "") : cut;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
