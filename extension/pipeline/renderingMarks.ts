/** Marks for lines that are left out, such that what remains is still code. */
import type { Unit } from "../protocol/units.ts";
import { bracketChange, scanLines, type ScannedLine } from "./pruneScan.ts";

export interface MarkedLine {
  readonly line: number;
  readonly text: string;
}

export interface MarkedRange {
  readonly startLine: number;
  readonly endLine: number;
  readonly language: string;
  /** The language's line comment; may be empty. */
  readonly lineComment: string;
}

/**
 * The lines of a unit as `scanLines` finds them, except that brackets which were opened in one of its ranges and closed
 * outside of all (the methods of a class) are closed at the range's end.
 */
export function scanUnit(unit: Pick<Unit, "text" | "ranges" | "language">): ScannedLine[] {
  const texts = unit.text.split("\n");
  const scanned = scanLines(texts, unit.language);
  if (unit.ranges.length === 1) return scanned;
  const starts = new Set<number>();
  let start = 0;
  for (const { startLine, endLine } of unit.ranges) {
    starts.add(start);
    start += endLine - startLine + 1;
  }
  const openings = new Openings(unit.language);
  return scanned.map((line, at) => {
    if (at > 0 && starts.has(at)) openings.close(firstTelling(scanned, at));
    const { depth } = openings;
    openings.add(line, texts[at] ?? "");
    return { ...line, depth };
  });
}

/**
 * The kept lines (ascending, within the range) with a mark for every gap: a comment that names the lines left out. A
 * mark also holds what the code needs there: a statement in a Python body that would be empty, and the brackets or the
 * `end` that were left out while their beginning was kept (a class whose methods are cut away keeps their first lines).
 */
export function withMarks(kept: readonly MarkedLine[], range: MarkedRange): string {
  if (kept.length === range.endLine - range.startLine + 1) return kept.map(({ text }) => text).join("\n");
  const scanned = scanLines(
    kept.map(({ text }) => text),
    range.language,
  );
  const openings = new Openings(range.language);
  const out: string[] = [];
  let next = range.startLine;
  for (let at = 0; at <= kept.length; at += 1) {
    const line = kept[at]?.line ?? range.endLine + 1;
    if (line > next) {
      const before = { scanned, kept, at: at - 1 };
      out.push(mark({ first: next, last: line - 1 }, before, range, openings.close(firstTelling(scanned, at))));
    }
    const current = scanned[at];
    const text = kept[at]?.text;
    if (current !== undefined && text !== undefined) {
      openings.add(current, text);
      out.push(text);
    }
    next = line + 1;
  }
  return out.join("\n");
}

/** Comments, directives and labels stand at any indentation: they do not tell what is open around them. */
function firstTelling(scanned: readonly ScannedLine[], from: number): ScannedLine | null {
  const telling = scanned.slice(from).find(({ code }) => code.trim() !== "" && !/^\s*#|^\s*\w+:$/.test(code));
  return telling ?? null;
}

interface Before {
  readonly scanned: readonly ScannedLine[];
  readonly kept: readonly MarkedLine[];
  /** −1: the gap is at the beginning. */
  readonly at: number;
}

function mark(
  { first, last }: { readonly first: number; readonly last: number },
  { scanned, kept, at }: Before,
  { language, lineComment }: MarkedRange,
  closing: { readonly text: string; readonly indent: string } | null,
): string {
  const lines = first === last ? `line ${first}` : `lines ${first}-${last}`;
  const comment = `${lineComment}${lineComment === "" ? "" : " "}... ${lines}`;
  if (closing !== null) {
    // A declaration whose parameters were cut off gets its body at once.
    if (language === "python" && isDefinition(scanned, at)) return `${closing.indent}${closing.text}: ...  # ${lines}`;
    return `${closing.indent}${closing.text} ${comment}`;
  }
  const [before, after] = [kept[at]?.text ?? "", kept[at + 1]?.text ?? null];
  if (language === "python" && (scanned[at]?.code ?? "").endsWith(":")) {
    const head = headOf(scanned, at);
    const deeper = (scanned[at + 1]?.indent ?? -1) > (scanned[head]?.indent ?? 0);
    // Indented as deep as what follows in the same body; alone, it is the body.
    if (!deeper) return `${whiteSpace(kept[head]?.text ?? "")}    ...  # ${lines}`;
    return `${whiteSpace(after ?? "")}${comment}`;
  }
  if (at < 0) return `${whiteSpace(after ?? "")}${comment}`;
  return `${whiteSpace(before)}${/[{([]$/.test(scanned[at]?.code ?? "") ? "    " : ""}${comment}`;
}

/** The first line of a declaration or condition of several lines that ends at `at`. */
function headOf(scanned: readonly ScannedLine[], at: number): number {
  const line = scanned[at];
  const depth = line === undefined ? 0 : line.depth + bracketChange(line.code);
  let head = at;
  while (head > 0 && ((scanned[head]?.depth ?? 0) > depth || scanned[head]?.inside === true)) head -= 1;
  return head;
}

function isDefinition(scanned: readonly ScannedLine[], at: number): boolean {
  let head = at;
  while (head > 0 && ((scanned[head]?.depth ?? 0) > 0 || scanned[head]?.inside === true)) head -= 1;
  return /^\s*(?:async\s+)?(?:def|class)\b/.test(scanned[head]?.code ?? "");
}

interface Start {
  readonly indent: number;
  readonly indentText: string;
}

interface Opening extends Start {
  readonly closer: string;
}

const closers: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" };
const wordOpenings: Readonly<Record<string, RegExp>> = {
  ruby: /^\s*(?:(?:private|protected|public|module_function|private_class_method)\s+)?(?:def|class|module|if|unless|while|until|case|begin|for)\b|\bdo\s*(?:\|.*\|)?$/,
  lua: /\bfunction\b[^()]*\([^()]*\)$|\b(?:then|do)$/,
};

const branches = /^(?:else|elsif|elseif|when|rescue|ensure)\b/;

/** Brackets and blocks of the kept lines that are open. */
class Openings {
  readonly #open: Opening[] = [];
  /** Where the statement of the line before starts, if that line does not end it. */
  #unfinished: Start | null = null;
  readonly #words: RegExp | null;

  constructor(language: string) {
    this.#words = wordOpenings[language] ?? null;
  }

  /** Brackets that are open. */
  get depth(): number {
    return this.#open.filter(({ closer }) => closer !== "end").length;
  }

  add({ code, indent }: ScannedLine, text: string): void {
    // A declaration of several lines starts where its first line does, or its first bracket was opened.
    const goesOn = this.#unfinished !== null && indent > this.#unfinished.indent;
    let start = goesOn && this.#unfinished !== null ? this.#unfinished : { indent, indentText: whiteSpace(text) };
    const before = this.#open.length;
    const push = (closer: string) => this.#open.push({ ...start, closer });
    if (this.#words !== null) {
      if (/^\s*end\b/.test(code)) this.#pop("end");
      else if (this.#words.test(code) && !/\bend$|^\s*(?:else|elseif|elsif)\b|^\s*def\b.*\)\s*=\s/.test(code))
        push("end");
    }
    for (const character of code) {
      const closer = closers[character];
      if (closer !== undefined) push(closer);
      else if (character === "}" || character === ")" || character === "]") {
        const popped = this.#pop(character);
        if (popped !== undefined && popped.indent < start.indent) start = popped;
      }
    }
    const opened = this.#open.length > before;
    if (code.trim() !== "") this.#unfinished = opened || /[{}([;:,>]$/.test(code) ? null : start;
  }

  /** What is not open any more at the line that follows a gap; null for no such line, or where nothing has to be closed. */
  close(next: ScannedLine | null): { readonly text: string; readonly indent: string } | null {
    const closed: Opening[] = [];
    const keep = next === null ? 0 : this.#stillOpen(next);
    while (this.#open.length > keep) closed.push(...this.#open.splice(-1));
    const [first] = closed;
    return first === undefined ? null : { text: closed.map(({ closer }) => closer).join(""), indent: first.indentText };
  }

  /** How many are: those that start less deep than the next line, and the outermost ones that the line itself closes. */
  #stillOpen(next: ScannedLine): number {
    const shallower = this.#open.findIndex(({ indent }) => indent >= next.indent);
    if (shallower < 0) return this.#open.length;
    const outermost = this.#open[shallower]?.indent;
    const code = next.code.trimStart();
    const closed = this.#open.findLastIndex(({ closer, indent }, at) => {
      const goesOn = code.startsWith(closer) || (closer === "end" && branches.test(code));
      return at >= shallower && indent === outermost && goesOn;
    });
    return closed < 0 ? shallower : closed + 1;
  }

  #pop(closer: string): Opening | undefined {
    return this.#open.at(-1)?.closer === closer ? this.#open.pop() : undefined;
  }
}

function whiteSpace(line: string): string {
  return /^\s*/.exec(line)?.[0] ?? "";
}
