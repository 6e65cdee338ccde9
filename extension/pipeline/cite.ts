import type { Citation } from "../protocol/units.ts";

/** Citations of one answer; a model that repeats itself must not fill the view. */
const citationsMax = 100;

/** A place that exists in the workspace. */
export interface ResolvedPlace {
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
  /** The unit's name, where the place is a unit. */
  readonly name?: string;
}

/**
 * Looks a place up; null where it does not exist. `path` has `/` as separator. Without lines in the answer, `startLine`
 * and `endLine` are 0, which means the whole file.
 */
export type ResolvePlace = (path: string, startLine: number, endLine: number) => ResolvedPlace | null;

/** Looks up a name in backticks, e.g. `Router.handle`; null where nothing of that name is defined. */
export type ResolveName = (name: string) => ResolvedPlace | null;

/** Whether a name is written anywhere in the workspace, defined there or not. */
export type OccursName = (name: string) => boolean;

/**
 * The places that an answer cites, distinct, in order of appearance: `path:12`, `path:12-40`, `path#L12-L40` (in
 * backticks or not, with either separator), a path in backticks, and a name in backticks where it resolves. Fenced code
 * is not searched. Places that do not resolve come back as written with `resolved: false`. Names that do not are no
 * citations, since any word may stand in backticks, and names of libraries do; but what looks like code and is written
 * nowhere in the workspace was made up, and comes back with an empty path and `resolved: false`.
 */
export function findCitations(
  text: string,
  resolve: ResolvePlace,
  resolveName?: ResolveName,
  occurs?: OccursName,
): Citation[] {
  const found = new Map<string, Citation>();
  for (const mention of mentionsIn(withoutFences(text))) {
    const citation = citationOf(mention, { resolve, resolveName, occurs });
    if (citation === null) continue;
    const key = `${citation.path || (citation.name ?? "")}:${citation.startLine}-${citation.endLine}`;
    if (!found.has(key) && found.size < citationsMax) found.set(key, citation);
  }
  return [...found.values()];
}

type Mention =
  | { readonly kind: "place"; readonly path: string; readonly startLine: number; readonly endLine: number }
  /** `isCode`: it is qualified, called, or written as only code is. */
  | { readonly kind: "name"; readonly name: string; readonly isCode: boolean };

/**
 * A path: letters, digits and a few signs, and folders or files in brackets as some frameworks name routes. It begins
 * where such a run begins, so that a search takes one pass over the text.
 */
const pathSource = String.raw`(?<![\p{L}\p{N}_$@+~/\\.-])(?:[A-Za-z]:)?(?:[\p{L}\p{N}_@$+.~/\\-]|\[[\w.]{1,40}\]|\([\w-]{1,40}\)(?=/)){1,255}`;
const linesSource = String.raw`(?::L?(\d{1,7})(?:[-–—]L?(\d{1,7}))?|#L(\d{1,7})(?:[-–—]L?(\d{1,7}))?)`;
const placePattern = new RegExp(`(${pathSource})${linesSource}(?![\\d\\w])`, "gu");
const pathPattern = new RegExp(`^${pathSource}\\.[A-Za-z][A-Za-z0-9]{0,9}$`, "u");
const namePattern = /^[\p{L}_$][\p{L}\p{N}_$]*(?:(?:\.|::|#|->)[\p{L}_$][\p{L}\p{N}_$]*)*(?:\(\))?$/u;
const backtickPattern = /`([^`\n]+)`/g;

function mentionsIn(text: string): Mention[] {
  const mentions: { at: number; mention: Mention }[] = [];
  for (const match of text.matchAll(placePattern)) {
    const path = normalisedPath(match[1] ?? "");
    const first = Number(match[2] ?? match[4]);
    const last = Number(match[3] ?? match[5] ?? first);
    // "12:30" and "http://host:8080" are not places.
    if (!/\p{L}/u.test(path) || text.slice(0, match.index).endsWith(":/") || path.includes("//")) continue;
    if (!path.includes("/") && !path.includes(".")) continue;
    mentions.push({
      at: match.index,
      mention: { kind: "place", path, startLine: first, endLine: Math.max(first, last) },
    });
  }
  for (const match of text.matchAll(backtickPattern)) {
    const inner = (match[1] ?? "").trim();
    const isPath = pathPattern.test(inner) && (/[/\\]/.test(inner) || !namePattern.test(inner));
    if (isPath) {
      mentions.push({
        at: match.index,
        mention: { kind: "place", path: normalisedPath(inner), startLine: 0, endLine: 0 },
      });
    } else if (namePattern.test(inner)) {
      const name = inner.replace(/\(\)$/, "").replace(/::|->|#/g, ".");
      const isCode = name !== inner || /[.]/.test(name) || /\p{Ll}\p{Lu}|[\p{L}\p{N}]_[\p{L}\p{N}]/u.test(name);
      mentions.push({ at: match.index, mention: { kind: "name", name, isCode } });
    }
  }
  return mentions.sort((a, b) => a.at - b.at).map((entry) => entry.mention);
}

interface Sources {
  readonly resolve: ResolvePlace;
  readonly resolveName: ResolveName | undefined;
  readonly occurs: OccursName | undefined;
}

function citationOf(mention: Mention, { resolve, resolveName, occurs }: Sources): Citation | null {
  if (mention.kind === "place") {
    const { path, startLine, endLine } = mention;
    const place = resolve(path, startLine, endLine);
    return place === null ? { path, startLine, endLine, resolved: false } : { ...place, resolved: true };
  }
  const { name, isCode } = mention;
  // `router.ts` may be a file or a property: whichever exists.
  const place = resolveName?.(name) ?? (name.includes(".") ? resolve(name, 0, 0) : null);
  if (place !== null) return { ...place, resolved: true };
  const isMadeUp = isCode && occurs !== undefined && !occurs(name);
  return isMadeUp ? { path: "", startLine: 0, endLine: 0, name, resolved: false } : null;
}

function normalisedPath(path: string): string {
  return path.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "");
}

/** Fenced blocks blanked out, an unfinished last one too. */
function withoutFences(text: string): string {
  let fence = "";
  return text
    .split("\n")
    .map((line) => {
      const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
      if (fence === "" && mark !== "") {
        fence = mark;
        return "";
      }
      if (fence === "") return line;
      if (mark.startsWith(fence)) fence = "";
      return "";
    })
    .join("\n");
}
