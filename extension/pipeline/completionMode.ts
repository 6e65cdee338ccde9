/** What a completion at a cursor may be: the rest of the line, several lines, or nothing. */
import type { CompletionMode, CursorSyntax, NothingReason } from "../protocol/complete.ts";

export interface CursorText {
  readonly before: string;
  readonly after: string;
  readonly syntax: CursorSyntax;
}

export type ModeChoice =
  { readonly mode: CompletionMode; readonly nothing: null } | { readonly mode: null; readonly nothing: NothingReason };

/** Several lines after an empty line and where a block begins; else the rest of the line, if nothing but ends follow. */
export function completionMode({ before, after, syntax }: CursorText): ModeChoice {
  if (before.trim() === "" && after.trim() === "") return nothing("documentEmpty");
  if (syntax.place === "string") return nothing("insideString");
  if (syntax.place === "comment") return nothing("insideComment");
  const lineBefore = before.slice(before.lastIndexOf("\n") + 1);
  const lineAfter = after.slice(0, lineEnd(after));
  if (/^[\p{L}\p{N}_$]/u.test(lineAfter)) return nothing("insideWord");
  if (!onlyEnds.test(lineAfter)) return nothing("lineContinues");
  if (lineAfter.trim() !== "") return { mode: "line", nothing: null };
  const isMultiline = lineBefore.trim() === "" || beginsBlock(lineBefore);
  return { mode: isMultiline ? "lines" : "line", nothing: null };
}

/** What an editor closes by itself, and what ends a statement or an argument. */
const onlyEnds = /^[\s)\]}>"'`;,:]*$/;

/** An opening bracket, a colon or a keyword that lines of their own follow. */
function beginsBlock(lineBefore: string): boolean {
  return /(?:\{|=>|->|\b(?:do|then|begin)|^\s*(?:def|class|if|elif|else|for|while|with|try|except|finally|match|case|async)\b.*:)\s*$/.test(
    lineBefore,
  );
}

function lineEnd(text: string): number {
  const end = text.indexOf("\n");
  return end < 0 ? text.length : end;
}

function nothing(reason: NothingReason): ModeChoice {
  return { mode: null, nothing: reason };
}
