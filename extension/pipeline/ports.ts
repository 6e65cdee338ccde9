/**
 * What the pure stages receive from outside: parser, index, scorer and token counter, as plain interfaces. The engine
 * implements them; tests pass small ones of their own.
 */
import type { Sentence } from "../protocol/sentence.ts";
import type { LineRange, RankedUnit, Unit } from "../protocol/units.ts";
import type { WordBag } from "./wordBags.ts";

// ---- parse ---------------------------------------------------------------------------------------------------------

/** One row of grammars/languages.json. */
export interface LanguageRow {
  readonly id: string;
  readonly name: string;
  /** What editors call the language. */
  readonly editorIds: readonly string[];
  readonly extensions: readonly string[];
  readonly filenames: readonly string[];
  readonly package: string;
  /** Property of the package that holds the grammar; empty where the package is the grammar. */
  readonly export: string;
  readonly wasm: string;
  readonly lineComment: string;
  readonly blockComment: readonly [string, string] | null;
}

/** Where a syntax node stands, in UTF-16 code units of the parsed text; the end is exclusive. */
export interface SyntaxNode {
  readonly startIndex: number;
  readonly endIndex: number;
}

/** One match of a pattern of units.scm. */
export interface SyntaxMatch {
  readonly pattern: number;
  readonly captures: readonly { readonly name: string; readonly node: SyntaxNode }[];
}

export interface SyntaxTree {
  readonly matches: readonly SyntaxMatch[];
  /** Rows (from 0), ascending, at which a child of the root or of a long node starts: where long units may be split. */
  readonly splitPoints: readonly number[];
  /** Rows (from 0) of ERROR and missing nodes, at most 20. */
  readonly errorRows: readonly number[];
  /** That there is no complete tree, and why; null where there is one. */
  readonly stopped: Sentence | null;
}

/**
 * Parses a text with one language's grammar and runs its units.scm. Synchronous; bounded in time; frees everything it
 * makes; never throws on account of the text.
 */
export interface Grammar {
  readonly language: LanguageRow;
  readonly runtime: "native" | "wasm";
  parse(text: string): SyntaxTree;
}

// ---- rank ----------------------------------------------------------------------------------------------------------

/** The searchable fields of a unit, each already split into lower-case words by `splitWords`. */
export const fields = ["path", "name", "signature", "doc", "body"] as const;
export type Field = (typeof fields)[number];

export interface CorpusStatistics {
  readonly units: number;
  /** Mean words per field over all units. */
  readonly meanLength: Readonly<Record<Field, number>>;
}

/** Directed edges between units: `from` mentions a name that `to` defines. */
export interface ReferenceGraph {
  /** Unit ids; the position is the node. */
  readonly nodes: readonly string[];
  /** Compressed rows: targets of node i are `targets[offsets[i] … offsets[i + 1]]` with `weights` alongside. */
  readonly offsets: Uint32Array;
  readonly targets: Uint32Array;
  readonly weights: Float32Array;
}

/**
 * Read access to one workspace's index, for ranking. `root` limits everything to paths below a folder (no trailing
 * slash; empty: all). All lookups are synchronous reads of SQLite or memory.
 */
export interface UnitSource {
  statistics(root: string): CorpusStatistics;
  /** Number of units that contain each word in any field. */
  documentFrequency(words: readonly string[]): ReadonlyMap<string, number>;
  /** Ids of the best `limit` units that contain any of the words, by FTS5's bm25 with field weights; best first. */
  searchWords(words: readonly string[], limit: number, root: string): readonly string[];
  /** Ids of units whose simple name equals one of the names, compared without case. */
  unitsNamed(names: readonly string[], limit: number, root: string): readonly string[];
  /** Ids of units in files whose path ends with one of these (lower-case; whole segments, extension optional). */
  unitsInPaths(suffixes: readonly string[], limit: number, root: string): readonly string[];
  /**
   * Ids of units that hold one of these lines of a file (lower-case path, whole segments): in files whose path ends with
   * the given one, or that the given one ends with, as the paths of a stack trace from another machine do.
   */
  unitsAtLines(lines: readonly { readonly path: string; readonly line: number }[], root: string): readonly string[];
  /** Units by id, in the order asked; unknown ids are left out. */
  units(ids: readonly string[]): readonly Unit[];
  /** The words of units that this source gave, in their order. */
  wordBags(units: readonly Unit[]): readonly WordBag[];
  /** The graph of the whole workspace; built once per index state and cached. */
  graph(): ReferenceGraph;
  /** Static vectors of all units, row-major; null while there are none. */
  staticVectors(): StaticVectors | null;
}

/** Made by pipeline/staticRows.ts. */
export interface StaticVectors {
  readonly dimensions: number;
  /** Unit ids by row. */
  readonly ids: readonly string[];
  /** Unit-length rows times 127, rounded: ids.length × dimensions. */
  readonly rows: Int8Array;
  /** The files by path, in the order of their rows. */
  readonly files: ReadonlyMap<string, StaticFile>;
}

/** The rows of one file, which follow each other: from `first` to before `end`. */
export interface StaticFile {
  readonly first: number;
  readonly end: number;
  /** Length of the sum of the file's vectors. */
  readonly norm: number;
}

/** The embedded static table (models/scorer): words to vectors. */
export interface StaticEncoder {
  readonly dimensions: number;
  /** Unit-length vector, or null where no word is known. */
  encodeQuestion(question: string): Float32Array | null;
  encodeUnit(unit: Unit): Float32Array | null;
}

/** What a scorer makes of a question, token by token: log probabilities in nats, at most 0. */
export interface QuestionGains {
  /** The question's tokens as text; their concatenation is the question as the scorer reads it. An end mark is empty. */
  readonly tokens: readonly string[];
  /** log p(token | the tokens before it), without any unit. */
  readonly base: Float64Array;
  /** log p(token | unit, the tokens before it): one array per unit, as long as `tokens`. */
  readonly given: readonly Float64Array[];
}

/** A language model that says how much likelier a unit makes a question. pipeline/likelihoodScores.ts makes scores of it. */
export interface LikelihoodScorer {
  readonly name: string;
  /** A question without any word has no tokens. Rejects with `Failure` cancelled when aborted. */
  gains(question: string, units: readonly Unit[], signal: AbortSignal): Promise<QuestionGains>;
}

/** What a ranker may use. `encoder` and `likelihood` are null where no scorer is at hand; rankers then do without. */
export interface RankTools {
  readonly source: UnitSource;
  readonly encoder: StaticEncoder | null;
  readonly likelihood: LikelihoodScorer | null;
  readonly signal: AbortSignal;
  /** Told the order without the likelihood, where that still has to be computed. Called at most once. */
  readonly onProvisional?: (ranked: readonly RankedUnit[]) => void;
}

// ---- compress and prompt -------------------------------------------------------------------------------------------

/** Exact token count of a text under one tokenizer. */
export interface TokenCounter {
  readonly name: string;
  count(text: string): number;
}

/** What a model makes of the lines of one text, each with its line end. */
export interface LineLosses {
  /** −log p of each line, given the context and the lines before it. */
  readonly nats: Float64Array;
  /** Tokens of each line under the model's tokenizer. */
  readonly tokens: Float64Array;
}

/** A language model over code that says how surprising the lines of a text are. */
export interface LineScorer {
  readonly name: string;
  /** One entry per item. Rejects with `Failure` cancelled when aborted. */
  lineLosses(
    items: readonly { readonly context: string; readonly text: string }[],
    signal: AbortSignal,
  ): Promise<readonly LineLosses[]>;
}

/** How omitted lines are marked in a language. */
export interface OmissionStyle {
  readonly lineComment: string;
}

/** Renders chat messages in a model's own format: texts between and around the contents, in order. */
export interface ChatFormat {
  readonly name: string;
  /** The texts that surround system and user content, such that beforeSystem + system + between + user + after is the prompt. */
  wrap(): { readonly beforeSystem: string; readonly between: string; readonly after: string };
  readonly stopStrings: readonly string[];
}

export type { LineRange, Unit };
