/**
 * Messages about completing code at a cursor. Offsets are in UTF-16 code units, lines count from 1, and all texts have
 * `\n` line ends: who sends a document with others turns them first, and turns the answer back.
 */
import type { Sentence } from "./sentence.ts";

/** Characters of a document that are sent at most; what lies farther from the cursor fits no prompt. */
export const completionTextLimits = { before: 24_000, after: 12_000, head: 8_000 } as const;

export const cursorPlaces = ["code", "string", "comment"] as const;
/** What the cursor stands in. A string is one whose end lies behind the cursor, or that has no end yet. */
export type CursorPlace = (typeof cursorPlaces)[number];

/** A function, method or class around the cursor. Its name and first line stay the same while one types in it. */
export interface CursorScope {
  readonly name: string;
  readonly startLine: number;
  readonly endLine: number;
}

/** What the syntax tree of the open document says about the cursor. */
export interface CursorSyntax {
  readonly place: CursorPlace;
  /** The innermost function or method; without one the innermost class; null at the top level. */
  readonly scope: CursorScope | null;
  /** The innermost syntax block (body of a function, loop, class, …); null at the top level. */
  readonly block: {
    readonly startLine: number;
    readonly endLine: number;
    /** White space in front of the line that opens the block. */
    readonly indent: string;
    /** True where nothing closes the block yet, as right after its opening bracket was typed. */
    readonly isOpen: boolean;
  } | null;
}

export const completionTriggers = ["automatic", "explicit", "prefetch"] as const;
/** `explicit`: somebody asked for a suggestion, so it is shown even where the model is not sure. */
export type CompletionTrigger = (typeof completionTriggers)[number];

export interface CompleteParams {
  /** Relative to the workspace folder; null for untitled documents and files outside of it. */
  readonly path: string | null;
  /** Where a file lies that is not in the workspace; tells its language and whether it may hold secrets. */
  readonly location?: string;
  /** An id of grammars/languages.json, or `text`; empty: the language of the path. */
  readonly language: string;
  /** The text before the cursor, from the start of a line on; at most `completionTextLimits.before` characters. */
  readonly before: string;
  /** The text after the cursor, at most `completionTextLimits.after` characters. */
  readonly after: string;
  /** Line of the document at which `before` starts: 1 where it holds everything. */
  readonly startLine: number;
  /** The first lines of the document, where `before` does not start with them: its imports are there. */
  readonly head?: string;
  /** Absent: the engine parses `before` and `after` itself. */
  readonly syntax?: CursorSyntax;
  readonly trigger: CompletionTrigger;
  /** 0 or absent: the settings' tokens. */
  readonly maxTokens?: number;
  /** 0 or absent: the settings' lines. */
  readonly maxLines?: number;
}

export const completionModes = ["line", "lines"] as const;
/** `line`: the rest of one line. `lines`: up to the end of the enclosing block. */
export type CompletionMode = (typeof completionModes)[number];

/** Why there is no suggestion; not a failure. */
export const nothingReasons = {
  noModel: "No model completes code: the chosen one is `none`, or it could not be loaded.",
  insideString: "The cursor is inside a string.",
  insideComment: "The cursor is inside a comment.",
  insideCharacter: "The cursor is inside a character.",
  insideWord: "The cursor is inside a word.",
  lineContinues: "Code follows the cursor on its line.",
  documentEmpty: "There is nothing to go by yet.",
  secretFile: "The file may hold secrets, so no model reads it.",
  modelSilent: "The model has nothing to add here.",
  repeatsSuffix: "The model only repeats what follows the cursor.",
  unsure: "The model is not sure enough.",
  cancelled: "A newer request took its place.",
} as const;
export type NothingReason = keyof typeof nothingReasons;

export const completionShares = ["digest", "imports", "references", "ranked", "prefix", "suffix", "template"] as const;
/** What a part of the prompt is spent on. The first four are the stable part; `template` is the fill-in format. */
export type CompletionShare = (typeof completionShares)[number];

/** A run of the prompt. The pieces' texts, concatenated, are the prompt; their tokens add up to the prompt's tokens. */
export interface CompletionPiece {
  readonly share: CompletionShare;
  readonly text: string;
  readonly tokens: number;
  /** Present where the piece is a control token: its id. */
  readonly token?: number;
  /** Present for pieces that stand for a unit of the index. */
  readonly unit?: { readonly path: string; readonly name: string; readonly startLine: number };
  /** Most important first. */
  readonly reasons: readonly Sentence[];
}

/** Times in milliseconds; 0 where a stage did not run. */
export interface CompletionFigures {
  /** For an older request to end, the document to be parsed and the model to be loaded. */
  readonly waitMs: number;
  readonly contextMs: number;
  readonly promptMs: number;
  readonly readMs: number;
  readonly writeMs: number;
  readonly totalMs: number;
  /** The whole prompt's. */
  readonly promptTokens: number;
  /** Of these, how many were in the KV cache already. */
  readonly tokensReused: number;
  readonly tokensRead: number;
  readonly tokensWritten: number;
}

/** How a prompt says what is to be filled in. */
export const fillInOrders = ["prefix-suffix-middle", "suffix-prefix-middle", "suffix-first", "prefix-only"] as const;
export type FillInOrder = (typeof fillInOrders)[number];

export interface Completion {
  /** What to insert at the cursor. Empty where there is nothing. */
  readonly text: string;
  /** Null where there is text. */
  readonly nothing: NothingReason | null;
  readonly mode: CompletionMode | null;
  /** Mean probability of the tokens of `text`, 0…1; 0 where there are none. */
  readonly confidence: number;
  readonly pieces: readonly CompletionPiece[];
  /** Prompt tokens that were allowed. */
  readonly budgetTokens: number;
  readonly model: CompleterModel | null;
  readonly figures: CompletionFigures;
}

export interface CompleterModel {
  readonly name: string;
  readonly role: "assistant" | "completer" | "embedded";
  readonly fillIn: FillInOrder;
}

/** The model that completes code, once it is loaded, and its KV cache. */
export interface CompleterStatus extends CompleterModel {
  /** Cells of the cache, and how many hold something. */
  readonly cells: number;
  readonly usedCells: number;
  readonly kvBytes: number;
  /** What the last completion took that the model was asked for; null before the first. */
  readonly lastMs: number | null;
}
