import type { PathKind } from "./pathKinds.ts";
import { splitWords } from "./words.ts";

/** Distinct content words looked at; a pasted stack trace has more than help. */
const wordsMax = 40;
const identifiersMax = 24;
const pathsMax = 8;

/** A name from the code as it stands in the question. */
export interface Identifier {
  /** The last part, e.g. `handle`. */
  readonly name: string;
  /** All parts joined by `.`, e.g. `Router.handle`; equal to `name` where there is one part. */
  readonly qualified: string;
  /** False for a capitalised word of prose, which may or may not be a name. */
  readonly certain: boolean;
}

export interface Question {
  /** As asked, trimmed. */
  readonly text: string;
  /** Distinct lower-case words without stop words, in order; with them where nothing else is left. */
  readonly words: readonly string[];
  readonly identifiers: readonly Identifier[];
  /** Neighbouring content words joined, e.g. `retrypolicy` and `retry_policy` for "retry policy". */
  readonly compounds: readonly string[];
  /** Paths and file names mentioned, lower case, `/` as separator. */
  readonly paths: readonly string[];
  /** Lines of files mentioned, as in stack traces and messages of compilers. */
  readonly lines: readonly NamedLine[];
  /** The question is one or two names and nothing else. */
  readonly isSymbol: boolean;
  /** It asks where the names in it are used, or what depends on them. */
  readonly asksForUses: boolean;
  /** Kinds of files that the question asks for. */
  readonly wants: ReadonlySet<PathKind>;
}

export interface NamedLine {
  /** Lower case, `/` as separator; often the end of a path only, or more than the workspace knows of it. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
}

/** Takes a question apart. Any text is a question; empty parts are empty. */
export function parseQuestion(text: string): Question {
  const trimmed = text.trim();
  const paths = findPaths(trimmed);
  // A file's folders and extension are no words of the question, its name is.
  const prose = trimmed.replace(pathLike, (path) => path.replace(/^.*[/\\]/, "").replace(/\.\w+$/, ""));
  const all = [...new Set(splitWords(prose))];
  const content = all.filter((word) => !stopWords.has(word) && (word.length > 1 || /\P{ASCII}/u.test(word)));
  const words = (content.length > 0 ? content : all).slice(0, wordsMax);
  const identifiers = findIdentifiers(trimmed.replace(pathLike, " "));
  return {
    text: trimmed,
    words,
    identifiers,
    compounds: findCompounds(prose),
    paths,
    lines: findLines(trimmed),
    isSymbol: isSymbol(trimmed),
    asksForUses: identifiers.some(({ certain }) => certain) && usePhrase.test(trimmed),
    wants: findWants(trimmed),
  };
}

const token = /[\p{L}_$][\p{L}\p{N}_$]*(?:(?:\.|::|->|#)[\p{L}_$][\p{L}\p{N}_$]*)*(?:\(\))?/gu;
const fileName =
  /[\w@.-]+\.(?:[cm]?[jt]sx?|pyi?|go|rs|java|kts?|rb|php|[ch](?:pp|xx|c|h)?|cs|swift|scala|lua|sh|bash|json|ya?ml|toml|md)\b/;
const pathLike = new RegExp(`(?:[\\w@.-]+[/\\\\])*${fileName.source}|(?:[\\w@.-]+[/\\\\])+[\\w@.-]+`, "giu");

function findPaths(text: string): string[] {
  const found = new Set<string>();
  for (const match of text.matchAll(pathLike)) {
    const path = match[0]
      .replaceAll("\\", "/")
      .replace(/^(?:\.{0,2}\/)+/, "")
      .replace(/[.-]+$/, "")
      .toLowerCase();
    if (path !== "" && found.size < pathsMax) found.add(path);
  }
  return [...found];
}

/** Where something is called, who uses it, what a change of it would do. */
const usePhrase =
  /\b(?:who|what|where|which|list|find|show)\b.*\b(?:calls?|called|callers?|uses?|used|usages?|references?|referenced|invokes?|invoked|depends?|dependents?)\b|\bwhat\b.*\b(?:breaks?|changes?|is affected|happens)\b.*\b(?:if|when)\b|\b(?:impact|effects?) of\b/is;

/** `src/a.ts:12:5`, `a.go:7`, `File "a/b.py", line 3`, `a.cs:line 9`, `a.c(14)`. */
const lineOfFile = new RegExp(
  `((?:[\\w@.-]+[/\\\\])*${fileName.source})(?:["'\`]?,? ?(?::|\\()? ?(?:line )?)(\\d+)`,
  "giu",
);

function findLines(text: string): NamedLine[] {
  const found: NamedLine[] = [];
  for (const [, path = "", line = ""] of text.matchAll(lineOfFile)) {
    const cleaned = path
      .replaceAll("\\", "/")
      .replace(/^(?:\.{0,2}\/)+/, "")
      .toLowerCase();
    if (found.length < pathsMax * 2) found.push({ path: cleaned, line: Number(line) });
  }
  return found;
}

function findIdentifiers(text: string): Identifier[] {
  const found = new Map<string, Identifier>();
  const quoted = new Set<string>();
  for (const match of text.matchAll(/`+([^`]+)`+|"([\w$.:#()]+)"|'([\w$.:#()]+)'/g)) {
    for (const inner of (match[1] ?? match[2] ?? match[3] ?? "").matchAll(token)) quoted.add(inner[0]);
  }
  const only = isSymbol(text);
  for (const match of text.matchAll(token)) {
    const written = match[0].replace(/\(\)$/, "");
    const parts = written.split(/\.|::|->|#/).filter((part) => part !== "");
    const name = parts.at(-1);
    if (name === undefined || /^(?:e\.g|i\.e)$/i.test(written)) continue;
    const called = match[0] !== written;
    const certain = only || called || parts.length > 1 || quoted.has(match[0]) || looksLikeCode(name);
    const firstOfSentence = /(?:^|[.!?]\s+)$/.test(text.slice(0, match.index));
    if (!certain && (firstOfSentence || !/^\p{Lu}/u.test(name) || stopWords.has(name.toLowerCase()))) continue;
    const key = parts.join(".");
    if (!found.has(key) && found.size < identifiersMax) found.set(key, { name, qualified: key, certain });
  }
  return [...found.values()];
}

/** camelCase, PascalCase of two humps, an inner underscore, or a digit between letters; acronyms are prose. */
function looksLikeCode(word: string): boolean {
  return /\p{Ll}\p{Lu}|\p{Lu}{2,}\p{Ll}{2,}|[\p{L}\p{N}]_|_[\p{L}\p{N}]|\p{Ll}\p{N}+\p{L}/u.test(word);
}

function isSymbol(text: string): boolean {
  const tokens = text.split(/\s+/).filter((part) => part !== "");
  if (tokens.length === 1) return /^[`"']?[\p{L}_$][\p{L}\p{N}_$.:#>()-]*[`"']?\??$/u.test(text);
  return tokens.length === 2 && tokens.every((part) => looksLikeCode(part) || /^`.*`$/.test(part));
}

function findCompounds(text: string): string[] {
  const compounds = new Set<string>();
  // Only words that stand next to each other, without punctuation or a stop word between them, name one thing.
  for (const clause of text.toLowerCase().split(/[^\p{L}\p{N}\s-]+/u)) {
    const words = clause.split(/[\s-]+/).filter((word) => word !== "");
    for (let i = 0; i + 1 < words.length; i += 1) {
      for (const length of [2, 3]) {
        const run = words.slice(i, i + length);
        if (run.length < length || run.some((word) => stopWords.has(word)) || compounds.size >= identifiersMax)
          continue;
        compounds.add(run.join(""));
        compounds.add(run.join("_"));
      }
    }
  }
  return [...compounds];
}

function findWants(text: string): Set<PathKind> {
  const wants = new Set<PathKind>();
  if (
    /\b(?:tests|unit tests?|test (?:cases?|files?|suites?|coverage)|tested|specs|benchmarks|mocks|fixtures)\b/i.test(
      text,
    )
  ) {
    wants.add("tests");
  }
  if (/\b(?:examples?|samples?|demos?|tutorials?)\b/i.test(text)) wants.add("examples");
  if (/\b(?:documentation|docs|readme|changelog|guides?)\b/i.test(text)) wants.add("docs");
  if (/\b(?:vendored|third[- ]party|vendor)\b/i.test(text)) wants.add("vendored");
  if (/\b(?:generated|codegen|code generation)\b/i.test(text)) wants.add("generated");
  return wants;
}

/** Words that say how something is asked, not what about. Kept short: many English words are names in code. */
const stopWords: ReadonlySet<string> = new Set(
  (
    "a an the this that these those it its i we you they me my our your their there here " +
    "is are was were be been being am do does did done has have had having can could should would will shall may might must " +
    "of to for in on at by from with without as and or but not no nor so if then than else when while where which who whom " +
    "whose why what how into onto over under about between during before after through across inside outside via per " +
    "also any all each every some such same other only just very more most " +
    "please explain show tell describe find give list used uses using use happens happen work works working " +
    "code function functions method methods implement implemented implements implementation logic s t re ve ll"
  ).split(" "),
);
