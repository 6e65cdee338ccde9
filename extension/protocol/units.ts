/**
 * The nouns that flow through Precis, from a file on disk to an answer. Every value here is immutable and survives
 * structured cloning, so that it can cross a process boundary as it is.
 *
 * Conventions: `path` is relative to the workspace root with `/` as separator on every platform; line numbers are
 * 1-based and inclusive; `text` uses `\n` line ends.
 */
import type { Sentence } from "./sentence.ts";

/** A run of lines, both ends included, counted from 1. */
export interface LineRange {
  readonly startLine: number;
  readonly endLine: number;
}

/** A file of the workspace that is (or could be) indexed. */
export interface SourceFile {
  readonly path: string;
  /** An id of grammars/languages.json, or `text` where no grammar applies. */
  readonly language: string;
  readonly bytes: number;
  readonly lines: number;
  /** Lower-case hexadecimal SHA-256 of the file's bytes. */
  readonly contentHash: string;
}

/** Why a file is not indexed. */
export type SkipReason =
  | "ignored" // .gitignore, files.exclude, search.exclude or an ignore glob
  | "secret"
  | "binary"
  | "minified"
  | "generated"
  | "vendored"
  | "tooLarge"
  | "unreadable"
  | "badEncoding"
  | "symlinkLoop"
  | "unknownLanguage";

export interface SkippedFile {
  readonly path: string;
  readonly reason: SkipReason;
  /** E.g. "1.2 MiB is over the limit of 1.0 MiB". */
  readonly detail: Sentence;
}

/** Something about a file that a person may want to know; the file is indexed as far as possible nevertheless. */
export interface FileProblem {
  readonly path: string;
  readonly line: number;
  readonly message: Sentence;
}

export const unitKinds = [
  "function",
  "method",
  "class",
  "interface",
  "enum",
  "type",
  "module",
  "constant",
  "header",
  "file",
] as const;

/**
 * `class`, `interface`, `enum` and `module` units hold the header and, where members are units of their own, only the
 * members' signatures. `header` is what no other unit of its file covers (imports, constants, top-level statements).
 * `file` is a whole file that could not be cut.
 */
export type UnitKind = (typeof unitKinds)[number];

export const referenceRoles = ["call", "type", "import", "name"] as const;
export type ReferenceRole = (typeof referenceRoles)[number];

/** A name that a unit mentions and that may be defined elsewhere. Distinct by name and role within a unit. */
export interface Reference {
  readonly name: string;
  readonly role: ReferenceRole;
  /** The first line that mentions it. */
  readonly line: number;
}

/** A piece of code that can be kept or dropped. */
export interface Unit {
  /** Stable while its file's content does not change: `path` + `#` + ordinal in the file. */
  readonly id: string;
  readonly path: string;
  readonly language: string;
  readonly kind: UnitKind;
  /** Simple name; the file's base name for `header` and `file`. */
  readonly name: string;
  /** Enclosing names joined by `.`, e.g. `Router.handle`. */
  readonly qualifiedName: string;
  /** First and last line of `ranges`. */
  readonly startLine: number;
  readonly endLine: number;
  /** The lines that make up `text`, ascending and disjoint. One range for all kinds but class-like units and headers. */
  readonly ranges: readonly LineRange[];
  /** The declaration without its body, white space kept, at most 20 lines; empty for `header` and `file`. */
  readonly signature: string;
  /** Documentation in plain words without comment marks; empty where there is none. */
  readonly doc: string;
  /** The lines of `ranges`, joined by `\n`. Neighbouring ranges are not separated by anything else. */
  readonly text: string;
  readonly references: readonly Reference[];
}

/** `import { names } from module`, as written. */
export interface Import {
  readonly module: string;
  readonly names: readonly string[];
  readonly line: number;
}

/** What `parseUnits` makes of one file. */
export interface ParsedFile {
  readonly path: string;
  readonly language: string;
  readonly units: readonly Unit[];
  readonly imports: readonly Import[];
  readonly problems: readonly FileProblem[];
}

/** A unit with its place in a ranking. */
export interface RankedUnit {
  readonly unit: Unit;
  /** Higher is better; comparable only within one ranking. */
  readonly score: number;
  /** Most important first, e.g. "defines `parseUnits`", "used by 3 files". */
  readonly reasons: readonly Sentence[];
}

export const fidelities = ["full", "pruned", "signature"] as const;
/** How much of a unit is in the prompt. */
export type Fidelity = (typeof fidelities)[number];

export const shares = [
  "system",
  "digest",
  "pinned",
  "openFile",
  "retrieved",
  "history",
  "question",
  "template",
  "answerReserve",
] as const;
/** What a part of the budget is spent on. `digest` tells of the repository as a whole, `template` is the chat format's own. */
export type Share = (typeof shares)[number];

/** Enough of a unit to show and open it. */
export interface UnitReference {
  readonly id: string;
  readonly path: string;
  readonly kind: UnitKind;
  readonly name: string;
  readonly qualifiedName: string;
  readonly startLine: number;
  readonly endLine: number;
}

/** A run of the prompt. The pieces' texts, concatenated, are the prompt; their tokens add up to the prompt's tokens. */
export interface PromptPiece {
  readonly share: Share;
  /** Exactly what stands in the prompt. */
  readonly text: string;
  /** Tokens this piece would take at full fidelity. */
  readonly tokensRaw: number;
  /** Tokens it takes. */
  readonly tokensSent: number;
  /** Present for pieces that stand for a unit. */
  readonly unit?: UnitReference;
  readonly fidelity?: Fidelity;
  readonly score?: number;
  readonly reasons: readonly Sentence[];
}

/** A unit that is not in the prompt, though it was ranked or pinned; or a pinned place without code, of 0 tokens. */
export interface DroppedUnit {
  readonly unit: UnitReference;
  readonly score: number;
  readonly tokensRaw: number;
  /** E.g. "needs 812 tokens, 214 were left". */
  readonly why: Sentence;
}

export interface Prompt {
  readonly question: string;
  readonly pieces: readonly PromptPiece[];
  readonly dropped: readonly DroppedUnit[];
  readonly budgetTokens: number;
  readonly answerReserveTokens: number;
  /** Sum of `tokensSent`; never more than `budgetTokens - answerReserveTokens`. */
  readonly tokensSent: number;
  /** Sum of `tokensRaw` of the pieces and of the dropped units. */
  readonly tokensRaw: number;
  /** Which tokenizer counted, in words. */
  readonly tokenizer: string;
}

/** A place in the workspace that an answer points to. */
export interface Citation {
  /** Empty for a name that is written nowhere in the workspace. */
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
  /** The name of the unit cited, where it is one. */
  readonly name?: string;
  /** False where the file or the lines do not exist in the index. */
  readonly resolved: boolean;
}

export const stopReasons = ["end", "length", "stopString", "cancelled"] as const;
export type StopReason = (typeof stopReasons)[number];

/** Figures of one answer. Times in milliseconds, speeds in tokens per second; 0 where a stage did not run. */
export interface AnswerFigures {
  readonly tokensRaw: number;
  readonly tokensSent: number;
  /** Prompt tokens that were in the cache, or were loaded from disk. */
  readonly tokensReused: number;
  /** Those of them that were loaded. */
  readonly tokensLoaded: number;
  readonly tokensWritten: number;
  readonly readTokensPerSecond: number;
  readonly writeTokensPerSecond: number;
  readonly kvBytes: number;
  readonly indexMs: number;
  readonly rankMs: number;
  readonly promptMs: number;
  readonly loadMs: number;
  readonly readMs: number;
  readonly writeMs: number;
}

export interface Answer {
  readonly question: string;
  /** Markdown. */
  readonly text: string;
  /** `extractive` where no assistant model wrote it. */
  readonly source: "assistant" | "extractive";
  readonly stopReason: StopReason;
  readonly citations: readonly Citation[];
  readonly prompt: Prompt;
  readonly figures: AnswerFigures;
}

/** A question of the same conversation and its answer, before the one that is asked now. */
export interface ConversationTurn {
  readonly question: string;
  readonly answer: string;
}
