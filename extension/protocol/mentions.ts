/**
 * How a question names code that goes along with it: `#file:path`, `#symbol:Qualified.name` and `#selection`. A path or
 * name with blanks, quotes or other odd characters stands in double quotes, as in JSON.
 */

export const mentionKinds = ["file", "symbol", "selection"] as const;
export type MentionKind = (typeof mentionKinds)[number];

export type Mention =
  { readonly kind: "file" | "symbol"; readonly name: string } | { readonly kind: "selection"; readonly name: "" };

/** More than these in one question are refused. */
export const mentionsMax = 20;

const mentionPattern = /(?<=^|[\s([{,;])#(?:(file|symbol):("(?:[^"\\\n]|\\.)*"|[^\s"]+)|(selection)\b)/g;

/** The distinct mentions of a question, in their order. */
export function mentionsIn(question: string): Mention[] {
  const found = new Map<string, Mention>();
  for (const match of question.matchAll(mentionPattern)) {
    const mention = mentionOf(match);
    if (mention !== null) found.set(`${mention.kind}:${mention.name}`, mention);
  }
  return [...found.values()];
}

/** The question as ranker and model read it: the names without the marks before them. */
export function withoutMentionMarks(question: string): string {
  return question
    .replace(mentionPattern, (written, ...groups: unknown[]) => {
      const match = [written, ...groups.slice(0, 3)].map((group) => (typeof group === "string" ? group : undefined));
      const mention = mentionOf(match);
      if (mention === null) return written;
      if (mention.kind === "selection") return "the selected code";
      return mention.name + tailOf(match[2] ?? "");
    })
    .trim();
}

/** As it is written into a question. */
export function mentionText(mention: Mention): string {
  if (mention.kind === "selection") return "#selection";
  const { kind, name } = mention;
  const isPlain = /^[^\s"]+$/.test(name) && tailOf(name) === "";
  return `#${kind}:${isPlain ? name : JSON.stringify(name)}`;
}

function mentionOf(match: readonly (string | undefined)[]): Mention | null {
  if (match[3] !== undefined) return { kind: "selection", name: "" };
  const written = match[2] ?? "";
  const kind = match[1] === "file" ? "file" : "symbol";
  const name = written.startsWith('"') ? unquoted(written) : written.slice(0, written.length - tailOf(written).length);
  return name === "" ? null : { kind, name };
}

/** What stands behind a bare name and belongs to the sentence. */
function tailOf(written: string): string {
  return written.startsWith('"') ? "" : (/[.,;:!?)\]}']+$/.exec(written)?.[0] ?? "");
}

function unquoted(written: string): string {
  try {
    const value: unknown = JSON.parse(written);
    return typeof value === "string" ? value : "";
  } catch {
    // Not JSON after all, e.g. "C:\new": then it is meant as it stands.
    return written.slice(1, -1);
  }
}
