/** Cuts what a model wrote to what belongs at the cursor. */
import type { CompletionMode, CursorSyntax, NothingReason } from "../protocol/complete.ts";
import { indentation } from "./parseLines.ts";
import { scanLines } from "./pruneScan.ts";

export interface TrimRequest {
  /** What the model wrote, possibly more to come. */
  readonly text: string;
  readonly before: string;
  readonly after: string;
  readonly mode: CompletionMode;
  readonly syntax: CursorSyntax;
  readonly language: string;
  readonly maxLines: number;
}

export interface Trimmed {
  readonly text: string;
  /** Why nothing is left; null where something is. */
  readonly nothing: NothingReason | null;
  /** Whatever the model goes on to write, this is the outcome. */
  readonly isFinal: boolean;
}

/**
 * Ends where the enclosing block ends, at `maxLines`, before anything that stands after the cursor already, and in the
 * mode `line` with the line. Brackets that it opens and the rest of the line does not close are closed, except where the
 * last one opens a block; brackets that it closes without having opened them are dropped.
 */
export function trimCompletion(request: TrimRequest): Trimmed {
  const { mode, maxLines } = request;
  const raw = request.text;
  const lines = raw.split("\n");
  const limit = mode === "line" ? 1 : maxLines;
  if (mode === "line" && raw.trim() !== "" && (lines[0] ?? "").trim() === "")
    return { text: "", nothing: "modelSilent", isFinal: true };
  const ends = [blockEnd(lines, request), repeatedFrom(lines, request), loopFrom(lines), limit].filter(
    (end) => end >= 0,
  );
  const end = Math.min(...ends, lines.length);
  const isRepeat = end === repeatedFrom(lines, request) && end < limit;
  const kept = lines.slice(0, end);
  const isFinal = end < lines.length;
  const text = withBrackets(kept.join("\n").trimEnd(), request);
  if (text.trim() === "") return { text: "", nothing: isRepeat ? "repeatsSuffix" : "modelSilent", isFinal };
  return { text, nothing: null, isFinal };
}

/**
 * The first line (from 0) that is no longer in the block around the cursor, or −1. A line is outside when it closes a
 * bracket from before the cursor, or when it stands as far left as the line that opened the block. At the top level a
 * blank line ends what was begun.
 */
function blockEnd(lines: readonly string[], { before, mode, syntax, language }: TrimRequest): number {
  if (mode === "line") return -1;
  const lineBefore = before.slice(before.lastIndexOf("\n") + 1);
  const scanned = scanLines([lineBefore + (lines[0] ?? ""), ...lines.slice(1)], language);
  const outer = syntax.block === null ? -1 : indentation(syntax.block.indent);
  for (let at = 0; at < lines.length; at += 1) {
    const line = scanned[at];
    if (line === undefined || line.inside) continue;
    if (line.indent < 0 || line.code.trim() === "") {
      const isBetween = at > 0 && at < lines.length - 1 && line.depth <= 0;
      if (isBetween && (outer < 0 || (scanned[at + 1]?.indent ?? 0) < 0)) return at;
      continue;
    }
    const closers = /^\s*[)\]}]/.test(line.code) || /^\s*end\b/.test(line.code);
    if (at > 0 && outer >= 0 && line.depth <= 0 && line.indent <= outer) {
      // An open block may be closed once, and that is its end.
      return closers && syntax.block?.isOpen === true ? at + 1 : at;
    }
    if (at > 0 && line.depth <= 0 && closers && syntax.block?.isOpen !== true) return at;
  }
  return -1;
}

/** Shorter lines repeat by chance: brackets, `else`, `return`. */
const repeatedCharactersMin = 5;
const linesCompared = 6;

/** The first line (from 0) that stands after the cursor as it is, or −1. */
function repeatedFrom(lines: readonly string[], { after, before }: TrimRequest): number {
  const following = after
    .slice(after.indexOf("\n") + 1 || after.length)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .slice(0, linesCompared);
  const [next, second] = following;
  if (next === undefined) return -1;
  const lineBefore = before.slice(before.lastIndexOf("\n") + 1);
  const written = lines.map((line, at) => (at === 0 ? lineBefore + line : line).trim());
  return written.findIndex((line, at) => {
    if (line !== next) return false;
    if (line.length >= repeatedCharactersMin) return true;
    // Whether a bracket is one too many is told by counting them.
    if (!/\p{L}/u.test(line)) return false;
    const then = written.slice(at + 1).find((each) => each !== "");
    return then === undefined || then === second;
  });
}

/** The first line (from 0) that says the same as the one before it, or −1: small models repeat themselves. */
function loopFrom(lines: readonly string[]): number {
  return lines.findIndex((line, at) => at > 0 && line.trim().length >= repeatedCharactersMin && line === lines[at - 1]);
}

const closerOf: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** Drops closers that were not opened, and what the rest of the line has already; closes what is left open. */
function withBrackets(text: string, { after, before, mode, syntax, language }: TrimRequest): string {
  if (text === "") return text;
  const restOfLine = after.slice(0, after.includes("\n") ? after.indexOf("\n") : after.length).trim();
  const lineBefore = before.slice(before.lastIndexOf("\n") + 1);
  const openBefore = mode === "line" ? openBrackets(lineBefore, language) : [];
  const texts = text.split("\n");
  const scanned = scanLines([lineBefore + (texts[0] ?? ""), ...texts.slice(1)], language);
  const code = scanned.map((line, at) => (at === 0 ? line.code.slice(lineBefore.length) : line.code)).join("\n");
  const open: string[] = [];
  // What the editor put behind the cursor closes the same brackets of the line that the text would.
  let closable = openBefore.length - (restOfLine.match(/[)\]}]/g) ?? []).length;
  let mayCloseBlock = mode === "lines" && syntax.block?.isOpen === true ? 1 : 0;
  for (let at = 0; at < code.length; at += 1) {
    const character = code[at] ?? "";
    if (closerOf[character] !== undefined) open.push(character);
    else if (character === ")" || character === "]" || character === "}") {
      if (open.length > 0) {
        if (closerOf[open.at(-1) ?? ""] !== character) return text.slice(0, at).trimEnd();
        open.pop();
      } else if (mode === "line" && closable > 0) closable -= 1;
      else if (mode === "lines" && (lineBefore.trim() !== "" || mayCloseBlock > 0)) mayCloseBlock -= 1;
      else return text.slice(0, at).trimEnd();
    }
  }
  const cut = withoutOverlap(text, restOfLine);
  if (cut !== text || open.length === 0) return cut;
  if (/[{([]\s*$/.test(code) && mode === "line" && code.trimEnd().endsWith("{")) return text;
  return (
    text +
    open
      .reverse()
      .map((opener) => closerOf[opener] ?? "")
      .join("")
  );
}

/** Without an end that the rest of the line begins with, other than brackets, which are counted. */
function withoutOverlap(text: string, restOfLine: string): string {
  for (let length = Math.min(text.length, restOfLine.length); length > 0; length -= 1) {
    const shared = restOfLine.slice(0, length);
    if (/[^)\]}]/.test(shared) && text.endsWith(shared)) return text.slice(0, text.length - length);
  }
  return text;
}

function openBrackets(line: string, language: string): string[] {
  const open: string[] = [];
  for (const character of scanLines([line], language)[0]?.code ?? "") {
    if (closerOf[character] !== undefined) open.push(character);
    else if (")]}".includes(character)) open.pop();
  }
  return open;
}
