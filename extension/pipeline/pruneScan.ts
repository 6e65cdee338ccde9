/** Lines of code as far as pruning must understand them: strings, comments, brackets and indentation. */
import { indentation, isBlank } from "./parseLines.ts";

export interface ScannedLine {
  /** Columns before the first character; −1 for a blank line. */
  readonly indent: number;
  /** The line with comments and the insides of strings as blanks, trimmed at its end. */
  readonly code: string;
  /** The line begins inside a string or comment of several lines, so that its indentation means nothing. */
  readonly inside: boolean;
  /** Brackets open at the line's beginning, less those closed, counted from the first line; may be negative. */
  readonly depth: number;
}

/**
 * Scans neighbouring lines of one language. It need not be right about every line (regular expressions, heredocs and
 * macros are guessed at): whoever cuts by it parses the outcome.
 */
export function scanLines(texts: readonly string[], language: string): ScannedLine[] {
  const rules = rulesOf(language);
  const lines: ScannedLine[] = [];
  let open: Open | null = null;
  let depth = 0;
  for (const text of texts) {
    const inside = open !== null;
    const scanned = scanLine(text, open, rules);
    lines.push({ indent: isBlank(text) ? -1 : indentation(text), code: scanned.code, inside, depth });
    depth += bracketChange(scanned.code);
    open = scanned.open;
  }
  return lines;
}

/** Brackets opened less those closed. */
export function bracketChange(code: string): number {
  let change = 0;
  for (const character of code) {
    if (character === "{" || character === "(" || character === "[") change += 1;
    else if (character === "}" || character === ")" || character === "]") change -= 1;
  }
  return change;
}

/** What a string or comment ends with. */
interface Open {
  readonly end: string;
  /** A backslash takes the next character along. */
  readonly escapes: boolean;
  /** Goes on at the next line. */
  readonly multiline: boolean;
  /** The end stands on a line of its own. */
  readonly heredoc?: boolean;
}

interface Rules {
  readonly lineComments: readonly string[];
  readonly blockComments: readonly (readonly [string, string])[];
  /** Longest first. */
  readonly strings: readonly (readonly [string, Open])[];
  /** `#` opens a comment only after a blank. */
  readonly spacedComments: boolean;
  readonly heredoc: RegExp | null;
  /** `'a` may be a lifetime. */
  readonly lifetimes: boolean;
  /** `/…/` may be a regular expression. */
  readonly regex: boolean;
}

const single = (end: string, multiline = false): readonly [string, Open] => [end, { end, escapes: true, multiline }];
const raw = (start: string, end: string): readonly [string, Open] => [start, { end, escapes: false, multiline: true }];
const cBlock = [["/*", "*/"]] as const;

const plainRules: Rules = {
  lineComments: ["//"],
  blockComments: cBlock,
  strings: [single('"'), single("'")],
  spacedComments: false,
  heredoc: null,
  lifetimes: false,
  regex: false,
};
const longQuotes = single('"""', true);
const script: Rules = { ...plainRules, strings: [...plainRules.strings, single("`", true)], regex: true };
const jvm: Rules = { ...plainRules, strings: [longQuotes, ...plainRules.strings] };

const rulesByLanguage: Readonly<Record<string, Rules>> = {
  javascript: script,
  typescript: script,
  tsx: script,
  go: { ...plainRules, strings: [...plainRules.strings, raw("`", "`")] },
  java: jvm,
  kotlin: jvm,
  scala: { ...jvm, lifetimes: true },
  swift: jvm,
  csharp: { ...jvm, strings: [longQuotes, raw('@"', '"'), ...plainRules.strings] },
  rust: {
    ...plainRules,
    strings: [raw('r##"', '"##'), raw('r#"', '"#'), single('"', true), single("'")],
    lifetimes: true,
  },
  python: {
    ...plainRules,
    lineComments: ["#"],
    blockComments: [],
    strings: [longQuotes, single("'''", true), single('"'), single("'")],
  },
  ruby: {
    ...plainRules,
    lineComments: ["#"],
    blockComments: [["=begin", "=end"]],
    strings: [single('"', true), single("'", true)],
    spacedComments: true,
    heredoc: /<<[~-]?(["'`]?)([A-Z_]\w*)\1/,
    regex: true,
  },
  php: {
    ...plainRules,
    lineComments: ["//", "#"],
    strings: [single('"', true), single("'", true)],
    spacedComments: true,
    heredoc: /<<<(["']?)([A-Za-z_]\w*)\1/,
  },
  bash: {
    ...plainRules,
    lineComments: ["#"],
    blockComments: [],
    strings: [single('"', true), ["'", { end: "'", escapes: false, multiline: true }]],
    spacedComments: true,
    heredoc: /<<-?(["']?)([A-Za-z_]\w*)\1/,
  },
  lua: {
    ...plainRules,
    lineComments: ["--"],
    blockComments: [["--[[", "]]"]],
    strings: [raw("[[", "]]"), single('"'), single("'")],
  },
};

function rulesOf(language: string): Rules {
  return rulesByLanguage[language] ?? plainRules;
}

/** Nothing that a comment, string or literal starts with. */
const plain = /[\w\s,.;:+*%^&|!?{}()\]]+/y;

function scanLine(text: string, opened: Open | null, rules: Rules): { code: string; open: Open | null } {
  let open = opened;
  let code = "";
  let pending: Open | null = null;
  for (let at = 0; at < text.length;) {
    if (open !== null) {
      const end = open.heredoc === true ? heredocEnd(text, open) : endOf(text, at, open);
      const until = end ?? text.length;
      code += " ".repeat(until - at);
      at = until;
      if (end !== null || !open.multiline) open = null;
      continue;
    }
    plain.lastIndex = at;
    const run = plain.exec(text)?.[0] ?? "";
    // The `r` of `r#"` belongs to the string.
    const length = text[at + run.length] === "#" && run.endsWith("r") ? run.length - 1 : run.length;
    if (length > 0) {
      code += text.slice(at, at + length);
      at += length;
      continue;
    }
    const block = rules.blockComments.find(([start]) => text.startsWith(start, at));
    if (block !== undefined) {
      open = { end: block[1], escapes: false, multiline: true };
      code += " ".repeat(block[0].length);
      at += block[0].length;
      continue;
    }
    if (isComment(text, at, rules)) break;
    const heredoc = rules.heredoc === null ? null : matchAt(rules.heredoc, text, at);
    if (heredoc !== null) {
      // Its text begins at the next line.
      pending = { end: heredoc[2] ?? "", escapes: false, multiline: true, heredoc: true };
      code += " ".repeat(heredoc[0].length);
      at += heredoc[0].length;
      continue;
    }
    const literal = literalLength(text, at, code, rules);
    if (literal > 0) {
      code += `"${" ".repeat(literal - 1)}`;
      at += literal;
      continue;
    }
    const string = rules.strings.find(([start]) => text.startsWith(start, at));
    if (string !== undefined && !(rules.lifetimes && string[0] === "'")) {
      // Something must stay: a string is an expression.
      code += `"${" ".repeat(string[0].length - 1)}`;
      at += string[0].length;
      open = string[1];
      continue;
    }
    code += text[at] ?? "";
    at += 1;
  }
  if (open?.multiline === false) open = null;
  return { code: code.trimEnd(), open: open ?? pending };
}

function isComment(text: string, at: number, rules: Rules): boolean {
  const mark = rules.lineComments.find((start) => text.startsWith(start, at));
  if (mark === undefined) return false;
  if (mark !== "#" || !rules.spacedComments) return true;
  return (at === 0 || /\s/.test(text[at - 1] ?? "")) && text[at + 1] !== "[";
}

/** The index after the end, or null where the string goes on at the line's end. */
function endOf(text: string, from: number, { end, escapes }: Open): number | null {
  for (let at = from; at < text.length; at += 1) {
    if (escapes && text[at] === "\\") at += 1;
    else if (text.startsWith(end, at)) return at + end.length;
  }
  return null;
}

function heredocEnd(text: string, { end }: Open): number | null {
  const trimmed = text.trimStart();
  return trimmed === end ||
    trimmed.startsWith(`${end};`) ||
    trimmed.startsWith(`${end},`) ||
    trimmed.startsWith(`${end})`)
    ? text.length - trimmed.length + end.length
    : null;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  if (text[at] !== "<") return null;
  const match = pattern.exec(text.slice(at));
  return match?.index === 0 ? match : null;
}

/** Characters of a regular expression or of a character such as `'{'` that starts here; 0 where none does. */
function literalLength(text: string, at: number, before: string, rules: Rules): number {
  if (rules.lifetimes && text[at] === "'") return /^'(?:\\.[^']*|[^'\\])'/.exec(text.slice(at))?.[0].length ?? 0;
  if (!rules.regex || text[at] !== "/") return 0;
  if (!/(?:^|[(,=:[!&|?{};~]|\b(?:return|if|unless|when|and|or|not|case|typeof|in))\s*$/.test(before)) return 0;
  return /^\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\/[a-z]*/.exec(text.slice(at))?.[0].length ?? 0;
}
