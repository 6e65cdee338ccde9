/**
 * The stable part of a completion's prompt: declarations of other files that the code at the cursor is likely to need,
 * file by file. It depends on the function around the cursor and not on the cursor itself, so that it stays in the KV
 * cache while one types there.
 */
import type { CompletionPiece, CompletionShare } from "../protocol/complete.ts";
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { Unit } from "../protocol/units.ts";
import {
  completionCandidates,
  type CandidateSource,
  type CompletionCandidate,
  type OpenText,
} from "./completionCandidates.ts";
import { candidateValue } from "./completionValues.ts";
import { compareIds } from "./pageRank.ts";
import { controlPiece } from "./completionPrompt.ts";
import type { FillInFormat } from "./fillInFormat.ts";
import type { TokenCounter } from "./ports.ts";

export interface ContextRequest {
  readonly open: OpenText;
  readonly source: CandidateSource;
  readonly format: FillInFormat;
  readonly counter: TokenCounter;
  /** The text of a control token. */
  readonly textOf: (token: number) => string;
  /** Of the open document's language. */
  readonly comment: CommentStyle;
  readonly budgetTokens: number;
  /** What the repository is, in a few lines; goes first. */
  readonly digest?: string;
}

export interface CommentStyle {
  readonly line: string;
  readonly block: readonly [string, string] | null;
}

/** A declaration longer than this is cut. */
const declarationCharactersMax = 320;
/** How much a declaration's length counts against it: the exponent of its tokens. */
const lengthExponent = 0.5;
/** Declarations whose tokens are counted: more never fit. */
const countedMax = 400;

/** Pieces that together take at most the budget; concatenated, they are the stable part. Empty where nothing fits. */
export function completionContext(request: ContextRequest): CompletionPiece[] {
  const writer = new StableWriter(request);
  const digest = writer.digest();
  let left = request.budgetTokens - tokensOf(digest);
  const chosen = new Map<string, CompletionCandidate[]>();
  const declared = new Set<string>();
  for (const candidate of bestFirst(request)) {
    const { path } = candidate.unit;
    // A long class is several units with one declaration.
    const declaration = `${path}\n${declarationText(candidate.unit)}`;
    if (declared.has(declaration)) continue;
    const heading = chosen.has(path) ? 0 : writer.headingTokens(path);
    const tokens = writer.declarationTokens(candidate.unit) + heading;
    if (tokens > left) continue;
    left -= tokens;
    declared.add(declaration);
    chosen.set(path, [...(chosen.get(path) ?? []), candidate]);
    if (left < writer.leastTokens) break;
  }
  // What is likelier to be needed stands closer to the cursor.
  const pieces = [...chosen.values()].reverse().flatMap((ofFile) => writer.file(ofFile));
  return [...digest, ...pieces];
}

function bestFirst(request: ContextRequest): CompletionCandidate[] {
  const { open, source, counter } = request;
  const valued = completionCandidates(open, source)
    .map((candidate) => ({ candidate, value: candidateValue(candidate.features) }))
    .sort((a, b) => b.value - a.value || compareIds(a.candidate.unit.id, b.candidate.unit.id));
  return valued
    .slice(0, countedMax)
    .map(({ candidate, value }) => {
      const tokens = counter.count(declarationText(candidate.unit));
      return { candidate, value: value - lengthExponent * Math.log(tokens + 1) };
    })
    .sort((a, b) => b.value - a.value || compareIds(a.candidate.unit.id, b.candidate.unit.id))
    .map(({ candidate }) => candidate);
}

/** Writes files and declarations, as files of their own or as comments. */
class StableWriter {
  /** Nothing takes fewer. */
  readonly leastTokens = 4;
  readonly #request: ContextRequest;

  constructor(request: ContextRequest) {
    this.#request = request;
  }

  digest(): CompletionPiece[] {
    const { digest = "", budgetTokens } = this.#request;
    if (digest === "") return [];
    const piece = this.#piece("digest", this.#commented(digest.trimEnd()), [sentence("what the repository is")]);
    return piece.tokens <= budgetTokens ? [piece] : [];
  }

  headingTokens(path: string): number {
    return tokensOf(this.#heading(path));
  }

  declarationTokens(unit: Unit): number {
    return this.#request.counter.count(this.#declaration(unit));
  }

  file(candidates: readonly CompletionCandidate[]): CompletionPiece[] {
    const inOrder = [...candidates].sort(
      (a, b) => a.unit.startLine - b.unit.startLine || compareIds(a.unit.id, b.unit.id),
    );
    const path = inOrder[0]?.unit.path ?? "";
    const pieces = inOrder.map((candidate) => {
      const { unit } = candidate;
      const piece = this.#piece(shareOf(candidate), this.#declaration(unit), reasonsOf(candidate));
      return { ...piece, unit: { path: unit.path, name: unit.qualifiedName, startLine: unit.startLine } };
    });
    return [...this.#heading(path), ...pieces];
  }

  #heading(path: string): CompletionPiece[] {
    const { format, textOf } = this.#request;
    if (format.fileSeparator < 0) return [this.#piece("template", this.#commented(path), [])];
    const mark = controlPiece(format.fileSeparator, textOf(format.fileSeparator));
    return [mark, this.#piece("template", `${path}\n`, [])];
  }

  #declaration(unit: Unit): string {
    const text = declarationText(unit);
    return this.#request.format.fileSeparator < 0 ? this.#commented(text) : `${text}\n`;
  }

  #commented(text: string): string {
    const { line, block } = this.#request.comment;
    const [open, close] =
      line !== "" ? [`${line} `, ""] : block === null ? ["# ", ""] : [`${block[0]} `, ` ${block[1]}`];
    return text
      .split("\n")
      .map((each) => `${open}${each}${close}\n`)
      .join("");
  }

  #piece(share: CompletionShare, text: string, reasons: readonly Sentence[]): CompletionPiece {
    return { share, text, tokens: this.#request.counter.count(text), reasons };
  }
}

/** A declaration on one line, with the name of what it belongs to where that does not show. */
export function declarationText(unit: Unit): string {
  const line = unit.signature.replace(/\s+/g, " ").trim();
  const cut = line.length <= declarationCharactersMax ? line : wholeCharacters(line.slice(0, declarationCharactersMax));
  const owner = unit.qualifiedName.split(".").at(-2) ?? "";
  return owner === "" || cut.includes(owner) ? cut : `${owner}: ${cut}`;
}

function wholeCharacters(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}

function shareOf({ features }: CompletionCandidate): CompletionShare {
  if (features.nameImported > 0) return "imports";
  if (features.nameInFile > 0) return "references";
  return features.fileImported > 0 ? "imports" : "ranked";
}

function reasonsOf({ unit, features }: CompletionCandidate): Sentence[] {
  const owner = unit.qualifiedName.split(".").at(-2) ?? "";
  const isInScope = features.nameInScope > 0;
  const reasons: readonly (readonly [boolean, Sentence])[] = [
    [isInScope, sentence("`{0}` is mentioned in this function", unit.name)],
    [!isInScope && features.nameInFile > 0, sentence("`{0}` is mentioned in this file", unit.name)],
    [features.nameImported > 0, sentence("imported by name")],
    [features.fileImported > 0, sentence("its file is imported")],
    [owner !== "" && features.ownerInFile > 0, sentence("`{0}` is mentioned in this file", owner)],
    [features.together > 0.5, sentence("used together with what this function mentions")],
    [features.references > 0.5, sentence("referred to by what this file mentions")],
    [features.sameFolder > 0, sentence("in the same folder")],
    [features.nameWords >= 0.5, sentence("its name shares words with this function")],
  ];
  const held = reasons.filter(([holds]) => holds).map(([, reason]) => reason);
  return held.length > 0 ? held : [sentence("close in the graph of references")];
}

function tokensOf(pieces: readonly CompletionPiece[]): number {
  return pieces.reduce((sum, { tokens }) => sum + tokens, 0);
}
