/**
 * The prompt of a completion: the stable part, then what stands before and after the cursor, in the model's own order.
 * What comes early in it stays the same while one types, so that the KV cache has read it already.
 */
import type { CompleterModel, CompletionPiece } from "../protocol/complete.ts";
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { FillInFormat } from "./fillInFormat.ts";
import type { TokenCounter } from "./ports.ts";

export interface CompletionShares {
  /** Percent of the budget. What both leave is the stable part's. */
  readonly prefix: number;
  readonly suffix: number;
}

/** The stable part: pieces that were chosen for the scope at the cursor. */
export type StablePiece = CompletionPiece;

/** Where the prompt's prefix began the last time, so that it begins there again. */
export interface PrefixAnchor {
  readonly path: string;
  /** Characters of `before` in front of it. */
  readonly line: number;
}

export interface CompletionPromptRequest {
  readonly format: FillInFormat;
  readonly counter: TokenCounter;
  /** The text of a control token. */
  readonly textOf: (token: number) => string;
  /** Of the open document; empty for an untitled one. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** Line of the document at which `before` starts. */
  readonly startLine: number;
  readonly budgetTokens: number;
  readonly shares: CompletionShares;
  readonly stable: readonly StablePiece[];
  readonly anchor: PrefixAnchor | null;
}

export interface CompletionPrompt {
  readonly pieces: readonly CompletionPiece[];
  /** Sum of the pieces' tokens; never more than the budget. */
  readonly tokens: number;
  readonly anchor: PrefixAnchor;
}

/** What follows the cursor gives way to a growing prefix in steps of so many tokens, so that it changes seldom. */
const stepTokens = 64;
/** A prefix that no longer fits begins later, where this share of its room is left free again. */
const freshShare = 0.75;
/** No tokenizer makes fewer tokens of code: a text with more characters than this per token does not fit. */
const charactersPerTokenMax = 12;

/**
 * Tokens for the stable part, at most: what the shares of prefix and suffix leave, and what those two do not need when
 * the prefix grows by `growthTokens`.
 */
export function stableBudget(
  request: Omit<CompletionPromptRequest, "stable" | "anchor">,
  growthTokens: number,
): number {
  const { room, prefix, suffix } = shareTokens(request);
  const needed = (text: string, share: number, growth: number): number => {
    const near = text.slice(-share * charactersPerTokenMax);
    return Math.min(share, request.counter.count(near) + growth);
  };
  const prefixNeeded = needed(request.before, prefix, growthTokens);
  const suffixNeeded = takesSuffix(request.format)
    ? Math.min(suffix, request.counter.count(request.after.slice(0, suffix * charactersPerTokenMax)))
    : 0;
  return Math.max(0, room - prefixNeeded - suffixNeeded);
}

/**
 * The small model that comes with Precis is distracted by more, and reads more of the open file with more gain: chosen on
 * half of bench:complete's repositories, and measured on the other half.
 */
const embeddedStablePercent = 25;

/** Tokens that a model of this role can use as a stable part. */
export function stableTokensMax(budgetTokens: number, role: CompleterModel["role"]): number {
  return role === "embedded" ? Math.floor((budgetTokens * embeddedStablePercent) / 100) : budgetTokens;
}

/** Puts the prompt together. The stable part must fit `stableBudget`; what does not is left out from its end. */
export function completionPrompt(request: CompletionPromptRequest): CompletionPrompt {
  const { format, counter, textOf } = request;
  const { room, suffix: suffixShare } = shareTokens(request);
  const stable: StablePiece[] = [];
  let left = room;
  for (const piece of request.stable) {
    if (piece.tokens > left) break;
    stable.push(piece);
    left -= piece.tokens;
  }
  const reserved = takesSuffix(format) ? cutAfter(request.after, Math.min(left, suffixShare), counter) : "";
  const prefix = cutBefore(request, left - counter.count(reserved));
  const grown = Math.ceil((counter.count(prefix.text) + 1) / stepTokens) * stepTokens;
  // What the prefix does not need flows on to the suffix, in steps.
  const more = takesSuffix(format) ? cutAfter(request.after, left - Math.min(grown, left), counter) : "";
  const suffix = more.length > reserved.length ? more : reserved;

  const text = (share: CompletionPiece["share"], content: string, reasons: readonly Sentence[]): CompletionPiece[] =>
    content === "" ? [] : [{ share, text: content, tokens: counter.count(content), reasons }];
  const pieces = format.parts.flatMap((part): readonly CompletionPiece[] => {
    if ("token" in part) return [controlPiece(part.token, textOf(part.token))];
    switch (part.text) {
      case "context":
      case "files":
        return stable;
      case "header":
        return text("template", headerText(request.path), []);
      case "prefix":
        return text("prefix", prefix.text, [sentence("before the cursor")]);
      case "suffix":
        return text("suffix", suffix, [sentence("after the cursor")]);
    }
  });
  const tokens = pieces.reduce((sum, piece) => sum + piece.tokens, 0);
  return { pieces, tokens, anchor: { path: request.path, line: prefix.line } };
}

/** A piece that is one control token. */
export function controlPiece(token: number, text: string): CompletionPiece {
  return { share: "template", text, tokens: 1, token, reasons: [] };
}

/** Budget, and how it is shared where everybody needs as much as they may have. */
function shareTokens(request: Omit<CompletionPromptRequest, "stable" | "anchor">): {
  readonly room: number;
  readonly prefix: number;
  readonly suffix: number;
} {
  const marks = request.format.parts.filter((part) => "token" in part).length;
  const hasHeader = request.format.parts.some((part) => "text" in part && part.text === "header");
  const header = hasHeader ? request.counter.count(headerText(request.path)) : 0;
  const room = Math.max(0, request.budgetTokens - marks - header);
  return {
    room,
    prefix: Math.floor((room * request.shares.prefix) / 100),
    suffix: takesSuffix(request.format) ? Math.floor((room * request.shares.suffix) / 100) : 0,
  };
}

function takesSuffix(format: FillInFormat): boolean {
  return format.parts.some((part) => "text" in part && part.text === "suffix");
}

function headerText(path: string): string {
  return `${path === "" ? "untitled" : path}\n`;
}

/** Whole lines from the end, at most so many tokens, from the anchor on where that fits. */
function cutBefore(
  { before, path, startLine, anchor, counter }: CompletionPromptRequest,
  tokensMax: number,
): { readonly text: string; readonly line: number } {
  const lines = before.split("\n").map((line, at, all) => (at === all.length - 1 ? line : `${line}\n`));
  const from = (first: number): string => lines.slice(first).join("");
  const anchored = anchor?.path === path ? anchor.line - startLine : -1;
  const known = anchored > 0 && anchored < lines.length ? anchored : 0;
  const fits = (first: number, limit: number): boolean => {
    const text = from(first);
    return text.length <= limit * charactersPerTokenMax && counter.count(text) <= limit;
  };
  const wholeFits = fits(0, tokensMax);
  if (wholeFits) return { text: before, line: startLine };
  // An anchor far up makes the prefix too long, one far down leaves most of the room unused.
  if (known > 0 && fits(known, tokensMax) && !fits(Math.max(0, known - 1), tokensMax * (1 - freshShare))) {
    return { text: from(known), line: startLine + known };
  }
  let first = lines.length - 1;
  const limit = Math.floor(tokensMax * freshShare);
  let used = counter.count(lines[first] ?? "");
  while (first > 0) {
    const line = lines[first - 1] ?? "";
    if (line.length > limit * charactersPerTokenMax) break;
    const tokens = counter.count(line);
    if (used + tokens > limit) break;
    used += tokens;
    first -= 1;
  }
  // Lines that are counted one by one take no fewer tokens than together, but for odd tokenizers.
  while (first < lines.length - 1 && !fits(first, tokensMax)) first += 1;
  if (fits(first, tokensMax)) return { text: from(first), line: startLine + first };
  return { text: lastCharacters(from(first), tokensMax, counter), line: startLine + first };
}

/** Whole lines from the beginning, at most so many tokens. */
function cutAfter(after: string, tokensMax: number, counter: TokenCounter): string {
  if (tokensMax <= 0) return "";
  if (after.length <= tokensMax * charactersPerTokenMax && counter.count(after) <= tokensMax) return after;
  let text = "";
  let used = 0;
  for (const line of after.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    if (line.length > tokensMax * charactersPerTokenMax) break;
    used += counter.count(line);
    if (used > tokensMax) break;
    text += line;
  }
  return counter.count(text) <= tokensMax ? text : "";
}

/** The end of a line that is too long as a whole. */
function lastCharacters(text: string, tokensMax: number, counter: TokenCounter): string {
  let length = Math.min(text.length, tokensMax * charactersPerTokenMax);
  while (length > 0) {
    const cut = text.slice(text.length - length);
    // Never half a character.
    const first = cut.charCodeAt(0);
    const whole = first >= 0xdc00 && first <= 0xdfff ? cut.slice(1) : cut;
    const tokens = counter.count(whole);
    if (tokens <= tokensMax) return whole;
    length = Math.min(length - 1, Math.floor((length * tokensMax) / tokens));
  }
  return "";
}
