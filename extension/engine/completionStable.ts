/** The stable part of completions, made once per function and kept while one types in it. */
import { completionContext, type CommentStyle } from "../pipeline/completionContext.ts";
import { digestText } from "../pipeline/digest.ts";
import type { CandidateSource, OpenText } from "../pipeline/completionCandidates.ts";
import { parseUnits } from "../pipeline/parse.ts";
import type { Grammar } from "../pipeline/ports.ts";
import type { CompleteParams, CompletionPiece, CursorScope } from "../protocol/complete.ts";
import type { Completer } from "./completer.ts";

/** Read access to the index, and its revision. */
export interface StableSource extends CandidateSource {
  readonly revision: number;
}

export interface StableRequest {
  readonly params: CompleteParams;
  readonly scope: CursorScope | null;
  readonly completer: Completer;
  /** Null without an index, or while it is being made ready. */
  readonly source: StableSource | null;
  readonly grammar: Grammar | null;
  readonly comment: CommentStyle;
  /** Tokens now, and tokens for a new one, which leaves room for what is going to be typed. */
  readonly budgetTokens: number;
  readonly freshBudgetTokens: number;
  /** Of these, for what the repository is; a small prompt has none. */
  readonly digestTokens: number;
}

/** Around a cursor that is in no function, so many lines on each side count as its scope. */
const nearLines = 30;

export class StablePart {
  #key = "";
  #pieces: readonly CompletionPiece[] = [];

  forget(): void {
    this.#key = "";
  }

  /** The pieces for a cursor: those of before, unless it left its function, files changed, or they no longer fit. */
  pieces(request: StableRequest): readonly CompletionPiece[] {
    const key = keyOf(request);
    const tokens = this.#pieces.reduce((sum, piece) => sum + piece.tokens, 0);
    if (key === this.#key && tokens <= request.budgetTokens) return this.#pieces;
    const { source, completer, comment, freshBudgetTokens, digestTokens } = request;
    // Without an index nothing is remembered: the next request may have one.
    this.#key = source === null ? "" : key;
    this.#pieces =
      source === null
        ? []
        : completionContext({
            open: openText(request),
            source,
            format: completer.format,
            counter: completer.counter,
            textOf: completer.textOf,
            comment,
            digest: digestText(source, { counter: completer.counter, budgetTokens: digestTokens }),
            budgetTokens: freshBudgetTokens,
          });
    return this.#pieces;
  }
}

function keyOf({ params, scope, completer, source }: StableRequest): string {
  const line = params.startLine + params.before.split("\n").length - 1;
  const place = scope === null ? `lines ${Math.floor(line / nearLines)}` : `${scope.name} ${scope.startLine}`;
  return JSON.stringify([params.path, params.language, place, completer.name, completer.role, source?.revision ?? -1]);
}

/** What a request says about its document, without the index. */
export function openText({ params, scope, grammar }: Pick<StableRequest, "params" | "scope" | "grammar">): OpenText {
  const { head = "", before, after, startLine, language } = params;
  const path = params.path ?? "";
  const text = `${head}${head === "" || head.endsWith("\n") ? "" : "\n"}${before}${after}`;
  const parsed = parseUnits({ path, text, language }, grammar);
  return { path, language, imports: parsed.imports, text, scopeText: scopeText(before, after, startLine, scope) };
}

function scopeText(before: string, after: string, startLine: number, scope: CursorScope | null): string {
  const lines = (before + after).split("\n");
  const cursor = before.split("\n").length - 1;
  const first = scope === null ? cursor - nearLines : scope.startLine - startLine;
  const end = scope === null ? cursor + nearLines : scope.endLine - startLine + 1;
  return lines.slice(Math.max(0, first), Math.max(cursor + 1, end)).join("\n");
}
