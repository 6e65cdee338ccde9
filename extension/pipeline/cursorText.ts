/** Place, function and block around a cursor, told by brackets, indentation and keywords. */
import type { CursorPlace, CursorScope, CursorSyntax } from "../protocol/complete.ts";
import { indentation, isBlank } from "./parseLines.ts";
import { bracketChange, scanLines, type ScannedLine } from "./pruneScan.ts";

/** Lines looked at on each side of the cursor; a block that is longer counts as the top level. */
const linesMax = 1_000;
/** A character that no code has, and that is neither blank nor bracket. */
const cursorMark = "\u0001";

/** Whether the cursor is in code: a mark there survives when strings and comments are taken out. */
export function textPlace(before: string, language: string): CursorPlace {
  const lines = lastOf(`${before}${cursorMark}`.split("\n"));
  const last = scanLines(lines, language).at(-1);
  if (last?.code.includes(cursorMark) !== false) return "code";
  if (before.lastIndexOf("/*") > before.lastIndexOf("*/")) return "comment";
  const hidden = (lines.at(-1) ?? "").slice(last.code.length);
  return /^\s*(?:\/\/|\/\*|#|--|\*)/.test(hidden) || /(?:\/\/|\/\*|\s#|--)[^"'`]*$/.test(hidden) ? "comment" : "string";
}

/** The innermost block: by indentation where that means something, else by curly brackets. */
export function textBlock(before: string, after: string, language: string): CursorSyntax["block"] {
  const lines = before.split("\n");
  return indented.has(language) ? indentedBlock(lines, after) : bracedBlock(lines, after, language);
}

/** The function around the cursor as far as its first line shows that it is one. */
export function textScope(before: string, after: string, language: string): CursorScope | null {
  const lines = before.split("\n");
  let limit = depthAtCursor(lines);
  for (let row = lines.length - 1; row >= Math.max(0, lines.length - linesMax); row -= 1) {
    const line = lines[row] ?? "";
    const isCursorLine = row === lines.length - 1;
    if (isBlank(line) || (!isCursorLine && indentation(line) >= limit)) continue;
    const name = functionName(line);
    if (!isCursorLine) limit = indentation(line);
    if (name === null) continue;
    const end = blockEndRow(after.split("\n"), indentation(line), language);
    return { name, startLine: row + 1, endLine: lines.length + end };
  }
  return null;
}

/** Blocks of these languages have no closing bracket. */
const indented: ReadonlySet<string> = new Set(["python"]);

function indentedBlock(lines: readonly string[], after: string): CursorSyntax["block"] {
  const following = after.split("\n").slice(1);
  const next = following.find((line) => !isBlank(line));
  const last = lines.at(-1) ?? "";
  if (/:\s*(?:#.*)?$/.test(last) && !isBlank(last)) {
    const depth = indentation(last);
    const isOpen = next === undefined || indentation(next) <= depth;
    const end = isOpen ? 0 : blockEndRow(after.split("\n"), depth, "python");
    return { startLine: lines.length, endLine: lines.length + end, indent: indentOf(last), isOpen };
  }
  const depth = depthAtCursor(lines);
  for (let row = lines.length - 2; row >= Math.max(0, lines.length - linesMax); row -= 1) {
    const line = lines[row] ?? "";
    if (isBlank(line) || indentation(line) >= depth || /^\s*(?:#|[)\]}])/.test(line)) continue;
    const end = blockEndRow(after.split("\n"), indentation(line), "python");
    return { startLine: row + 1, endLine: lines.length + end, indent: indentOf(line), isOpen: false };
  }
  return null;
}

function bracedBlock(lines: readonly string[], after: string, language: string): CursorSyntax["block"] {
  const first = Math.max(0, lines.length - linesMax);
  const scanned = scanLines(lines.slice(first), language);
  let closed = 0;
  for (let at = scanned.length - 1; at >= 0; at -= 1) {
    const code = scanned[at]?.code ?? "";
    for (let column = code.length - 1; column >= 0; column -= 1) {
      const character = code[column];
      if (character === "}") closed += 1;
      if (character !== "{") continue;
      if (closed > 0) {
        closed -= 1;
        continue;
      }
      const line = openingLine(lines, scanned, first, at);
      const end = closingRow(after, lines.at(-1) ?? "", indentation(line), language);
      return {
        startLine: first + at + 1,
        endLine: lines.length + Math.max(0, end),
        indent: indentOf(line),
        isOpen: end < 0,
      };
    }
  }
  return null;
}

/** A bracket may end a statement of several lines; the block is indented like its first one. */
function openingLine(lines: readonly string[], scanned: readonly ScannedLine[], first: number, at: number): string {
  let row = at;
  let depth = bracketChange((scanned[at]?.code ?? "").replace(/\{[^{]*$/, ""));
  while (depth < 0 && row > 0) {
    row -= 1;
    depth += bracketChange(scanned[row]?.code ?? "");
  }
  return lines[first + row] ?? "";
}

/** The row after the cursor's, from 0, at which the block is closed; −1 where nothing closes it. */
function closingRow(after: string, lineBefore: string, depth: number, language: string): number {
  const lines = after.split("\n").slice(0, linesMax);
  const scanned = scanLines([" ".repeat(lineBefore.length) + (lines[0] ?? ""), ...lines.slice(1)], language);
  let open = 0;
  for (const [row, line] of scanned.entries()) {
    for (const character of line.code) {
      if (character === "{") open += 1;
      if (character === "}") open -= 1;
      if (open >= 0) continue;
      // What closes farther left belongs to a block farther out.
      return row === 0 || line.indent >= depth ? row : -1;
    }
  }
  return -1;
}

/** How many rows after the cursor's a block lasts whose first line is indented so far. */
function blockEndRow(following: readonly string[], depth: number, language: string): number {
  let last = 0;
  for (let row = 1; row < Math.min(following.length, linesMax); row += 1) {
    const line = following[row] ?? "";
    if (isBlank(line)) continue;
    if (indentation(line) <= depth) return indented.has(language) || !/^\s*(?:[)\]}]|end\b)/.test(line) ? last : row;
    last = row;
  }
  return last;
}

/** Columns that the cursor's line is indented, or is about to be. */
function depthAtCursor(lines: readonly string[]): number {
  return indentation(lines.at(-1) ?? "");
}

const keywords: ReadonlySet<string> = new Set([
  ...["if", "for", "while", "switch", "catch", "return", "with", "match", "else", "do", "try", "using", "lock", "when"],
  ...["elif", "except", "unless", "until", "foreach", "guard", "select", "go", "defer", "new", "await", "throw"],
]);

/** The name that a line defines as a function; null where it does not look like one. */
function functionName(line: string): string | null {
  const named =
    /\b(?:def|func|function\*?|fn|fun|sub)\s+(?:\([^)]*\)\s*)?([\p{L}_$][\p{L}\p{N}_$]*)/u.exec(line)?.[1] ??
    /\b(?:const|let|var|val)\s+([\p{L}_$][\p{L}\p{N}_$]*)\s*(?::[^=]*)?=\s*(?:async\s*)?(?:function|\(|[\p{L}_$]+\s*=>)/u.exec(
      line,
    )?.[1] ??
    /^\s*(?:[\w<>[\],.*&:?]+\s+)*([\p{L}_$][\p{L}\p{N}_$]*)\s*(?:<[^>]*>)?\([^;]*\{\s*$/u.exec(line)?.[1];
  return named === undefined || keywords.has(named) ? null : named;
}

function indentOf(line: string): string {
  return /^\s*/.exec(line)?.[0] ?? "";
}

function lastOf(lines: readonly string[]): readonly string[] {
  return lines.slice(Math.max(0, lines.length - linesMax));
}
