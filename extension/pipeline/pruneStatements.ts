/** The statements of a unit and those inside them, by indentation and brackets. */
import { bracketChange, type ScannedLine } from "./pruneScan.ts";

/** Neighbouring lines that stand or fall together, except for what is in its bodies. Indexes into the unit's lines. */
export interface Statement {
  readonly first: number;
  /** Inclusive; never a blank line. */
  readonly last: number;
  /** Runs of inner statements, in order: the branches of a condition, the body of a function, the items of a list. */
  readonly bodies: readonly (readonly Statement[])[];
}

/** The statements of the lines `from` … `to` (exclusive), in order. Blank lines between them belong to none. */
export function statementsOf(
  lines: readonly ScannedLine[],
  language: string,
  from = 0,
  to = lines.length,
): readonly Statement[] {
  const statements: Statement[] = [];
  for (let first = from; first < to;) {
    if (indentOf(lines, first) < 0) {
      first += 1;
      continue;
    }
    const last = lastLine(lines, first, to, language);
    statements.push({ first, last, bodies: bodiesOf(lines, first, last, language) });
    first = last + 1;
  }
  return statements;
}

/** A statement that only announces the next one. */
const announces = /^\s*(?:@(?!interface\b)[\w.:]+(?:\(.*\))?|#!?\[.*\]|\[[\w., ()"=:]+\]|template\s*<.*>)$/;
/** Goes on with what stands above at the same indentation. */
const continues =
  /^\s*(?:[})\]]|<\/|end\b|else\b|elif\b|elsif\b|elseif\b|except\b|finally\b|catch\b|rescue\b|ensure\b|fi\b|done\b|esac\b|until\b|then\b|do\b|in\b|when\b|#\s*(?:else|elif|endif)\b|[?&|+*%.]|-[^-]|=[^b]|<<|::|where\b|and\b|or\b)/;
/** In these languages a `{` on a line of its own belongs to the declaration above. */
const bracesOnOwnLine: ReadonlySet<string> = new Set([
  "c",
  "cpp",
  "csharp",
  "java",
  "php",
  "javascript",
  "typescript",
  "go",
  "rust",
]);
const preprocessed: ReadonlySet<string> = new Set(["c", "cpp", "csharp", "swift"]);

function lastLine(lines: readonly ScannedLine[], first: number, to: number, language: string): number {
  const indent = indentOf(lines, first);
  const depth = lines[first]?.depth ?? 0;
  const directive = isDirective(lines[first]?.code ?? "", language);
  let conditions = 0;
  let last = first;
  let announced = true;
  for (let at = first; at < to; at += 1) {
    const line = lines[at];
    if (line === undefined) break;
    if (line.indent < 0) continue;
    const belongs =
      at === first ||
      announced ||
      conditions > 0 ||
      line.inside ||
      line.depth > depth ||
      line.indent > indent ||
      (line.indent === indent && (goesOn(line.code, language) || endsOpen(lines[last]?.code ?? "")));
    if (!belongs) break;
    if (isDirective(line.code, language)) {
      if (/^\s*#\s*if/.test(line.code)) conditions += 1;
      else if (/^\s*#\s*endif/.test(line.code)) conditions -= 1;
      // Directives stand at any indentation: what is deeper behind one does not belong to it.
      if (directive && conditions <= 0 && !line.code.endsWith("\\")) return at;
    }
    announced = announced && announces.test(line.code);
    last = at;
  }
  return last;
}

function isDirective(code: string, language: string): boolean {
  return preprocessed.has(language) && /^\s*#/.test(code);
}

function goesOn(code: string, language: string): boolean {
  if (/^\s*\{/.test(code)) return bracesOnOwnLine.has(language);
  if (language === "python" && /^\s*(?:in|when|do|then|until|end|catch|where|done|fi)\b/.test(code)) return false;
  return continues.test(code);
}

/** `a =`, `x ||` and `\` want more. */
function endsOpen(code: string): boolean {
  return /(?:[^=!<>+-]=|=>|->|&&|\|\||[?+*\\|]|\.)$/.test(code) && !/(?:\+\+|\*\/)$/.test(code);
}

/** Runs of deeper lines behind a line that opens a block. */
function bodiesOf(
  lines: readonly ScannedLine[],
  first: number,
  last: number,
  language: string,
): (readonly Statement[])[] {
  const bodies: (readonly Statement[])[] = [];
  const indent = indentOf(lines, first);
  let before = first;
  for (let at = first + 1; at <= last; at += 1) {
    const line = lines[at];
    if (line === undefined || line.indent < 0) continue;
    if (line.inside || line.indent <= indent || !opensBlock(lines, first, before, language)) {
      before = at;
      continue;
    }
    const byBracket = line.depth > (lines[first]?.depth ?? 0);
    let end = at + 1;
    while (end <= last && stays(lines[end], line, byBracket ? null : indent)) end += 1;
    bodies.push(statementsOf(lines, language, at, end));
    at = end - 1;
    before = at;
  }
  return bodies;
}

/** A body in brackets goes on to the closing one, another one as long as lines are deeper than `indent`. */
function stays(line: ScannedLine | undefined, start: ScannedLine, indent: number | null): boolean {
  if (line === undefined) return false;
  if (line.indent < 0 || line.inside || line.depth > start.depth) return true;
  return indent === null ? line.depth === start.depth && !/^\s*[})\]]/.test(line.code) : line.indent > indent;
}

const rubyOpening =
  /^\s*(?:(?:private|protected|public|module_function)\s+)?(?:def|class|module|if|elsif|else|unless|while|until|case|when|in|begin|rescue|ensure|for)\b|\bdo\s*(?:\|.*\|)?$|=\s*(?:if|case|begin)\b/;

/** Whether the line `at` of a statement opens a block: what follows deeper are statements or items. */
function opensBlock(lines: readonly ScannedLine[], first: number, at: number, language: string): boolean {
  const code = lines[at]?.code ?? "";
  if (/\{$|(?:^|[\s(=,:[{])\[$|\{\s*\|[^|]*\|$|\{[^{}]*(?:->|\bin)$/.test(code)) return true;
  if (language === "python") return code.endsWith(":") && isBalanced(lines, first, at);
  if (language === "ruby") return rubyOpening.test(code);
  if (language === "lua") return /\b(?:then|do|else|repeat)$|\bfunction\b[^()]*\([^()]*\)$/.test(code);
  if (language === "bash") return /(?:\b(?:then|do|else)|\))$/.test(code);
  return /^\s*(?:case\b.*|default\s*):$/.test(code);
}

/** The brackets that the statement opened are closed behind the line `at`. */
function isBalanced(lines: readonly ScannedLine[], first: number, at: number): boolean {
  const line = lines[at];
  const start = lines[first];
  return line !== undefined && start !== undefined && line.depth + bracketChange(line.code) <= start.depth;
}

function indentOf(lines: readonly ScannedLine[], at: number): number {
  return lines[at]?.indent ?? -1;
}
