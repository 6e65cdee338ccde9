/** Answers requests to complete code: one at a time, the newest first. */
import { untilAborted } from "../base/abortable.ts";
import { SerialQueue } from "../base/serialQueue.ts";
import { isCharacterBoundary } from "../pipeline/characterBoundary.ts";
import { completionMode } from "../pipeline/completionMode.ts";
import { completionPrompt, stableBudget, stableTokensMax, type PrefixAnchor } from "../pipeline/completionPrompt.ts";
import { cursorSyntax, movedSyntax, textSyntax } from "../pipeline/cursorSyntax.ts";
import { trimCompletion, type Trimmed } from "../pipeline/trimCompletion.ts";
import type {
  CompleteParams,
  CompleterStatus,
  Completion,
  CompletionFigures,
  CompletionMode,
  CompletionPiece,
  CursorSyntax,
  NothingReason,
} from "../protocol/complete.ts";
import { toFailure } from "../protocol/failure.ts";
import type { Settings } from "../protocol/settings.ts";
import { DocumentTrees } from "../syntax/documentTrees.ts";
import { throwIfCancelled } from "./cancellable.ts";
import type { Completer, WrittenText } from "./completer.ts";
import { CompleterModels, type CompleterModelsOptions } from "./completerModels.ts";
import { StablePart, type StableSource } from "./completionStable.ts";
import type { Grammars } from "./grammars.ts";
import { holdsPrivateKey, isSecretPath } from "./secrets.ts";

export interface CompletionsOptions extends CompleterModelsOptions {
  readonly grammars: () => Promise<Grammars>;
  /** The index, when it can be read at once; null otherwise. With `mayWait` it is made ready first. */
  readonly index: (mayWait: boolean, signal: AbortSignal) => Promise<StableSource | null>;
}

/** Typing so much does not make the stable part too large for what the prefix leaves. */
const growthTokens = 128;
/** The rest of a line is no longer than this. */
const lineTokensMax = 64;
/** Below this mean probability of a token the embedded model guesses: chosen on half of bench:complete's repositories. */
export const embeddedConfidenceMin = 0.75;

const noFigures: CompletionFigures = {
  waitMs: 0,
  contextMs: 0,
  promptMs: 0,
  readMs: 0,
  writeMs: 0,
  totalMs: 0,
  promptTokens: 0,
  tokensReused: 0,
  tokensRead: 0,
  tokensWritten: 0,
};

export class Completions {
  readonly #options: CompletionsOptions;
  readonly #models: CompleterModels;
  readonly #trees: DocumentTrees;
  readonly #queue = new SerialQueue();
  readonly #stable = new StablePart();
  #newest: AbortController | null = null;
  #anchor: PrefixAnchor | null = null;
  #lastMs: number | null = null;

  constructor(options: CompletionsOptions) {
    this.#options = options;
    this.#models = new CompleterModels(options);
    this.#trees = new DocumentTrees(options.root);
  }

  /** The model that completes; null before it is loaded. */
  get status(): CompleterStatus | null {
    const completer = this.#models.opened;
    return completer === null ? null : { ...completer.model, ...completer.cache, lastMs: this.#lastMs };
  }

  /**
   * Completes the code at a cursor. Whatever is being completed is cancelled. A cancelled request resolves with
   * `nothing: "cancelled"`; fails only where a chosen model cannot be loaded.
   */
  async complete(asked: CompleteParams, signal: AbortSignal): Promise<Completion> {
    this.#newest?.abort();
    const newest = new AbortController();
    this.#newest = newest;
    const both = AbortSignal.any([signal, newest.signal]);
    const draft = new Draft(this.#options.settings()["complete.budgetTokens"]);
    const completed = this.#queue.run(async () => this.#complete(await this.#withLanguage(asked), draft, both));
    try {
      return await untilAborted(completed, both);
    } catch (thrown) {
      if (both.aborted || toFailure(thrown).code === "cancelled") return draft.nothing("cancelled");
      throw thrown;
    } finally {
      if (this.#newest === newest) this.#newest = null;
    }
  }

  /** Forgets what was read and ranked; benchmarks ask anew. */
  async forget(): Promise<void> {
    await this.#queue.run(async () => {
      this.#anchor = null;
      this.#stable.forget();
      (await this.#models.open())?.forget();
    });
  }

  /** Stops what runs and frees the model. */
  async close(): Promise<void> {
    this.#newest?.abort();
    await this.#queue.idle();
    await this.#models.close();
    this.#trees.dispose();
  }

  async #withLanguage(params: CompleteParams): Promise<CompleteParams> {
    if (params.language !== "") return params;
    const grammars = await this.#options.grammars();
    return { ...params, language: grammars.languageOf(params.path ?? params.location ?? "")?.id ?? "text" };
  }

  async #complete(params: CompleteParams, draft: Draft, signal: AbortSignal): Promise<Completion> {
    draft.time("waitMs");
    throwIfCancelled(signal);
    if (isSecret(params)) return draft.nothing("secretFile");
    if (!isCharacterBoundary(params.before, params.after)) return draft.nothing("insideCharacter");
    const syntax = params.syntax ?? (await this.#syntaxOf(params, signal));
    const { mode, nothing } = completionMode({ ...params, syntax });
    if (mode === null) return draft.nothing(nothing);
    draft.mode = mode;
    const completer = await untilAborted(this.#models.open(), signal);
    draft.time("waitMs");
    if (completer === null) return draft.nothing("noModel");
    draft.model = completer.model;
    const pieces = await this.#prompt({ params, syntax, completer, draft, signal });
    const { tokensRead, tokensReused } = await completer.read(completer.tokensOf(pieces), signal);
    draft.time("readMs");
    draft.figures = { ...draft.figures, tokensRead, tokensReused, promptTokens: tokensRead + tokensReused };
    const completion = await this.#write({ params, syntax, completer, draft, signal, mode });
    this.#lastMs = completion.figures.totalMs;
    return completion;
  }

  async #syntaxOf({ language, before, after, startLine }: CompleteParams, signal: AbortSignal): Promise<CursorSyntax> {
    const { languages } = await this.#options.grammars();
    const row = languages.find(({ id }) => id === language);
    const text = before + after;
    const found =
      row === undefined
        ? null
        : await this.#trees.readOnce(
            { language: row, text },
            (root) => cursorSyntax(root, text, before.length, language),
            signal,
          );
    throwIfCancelled(signal);
    return movedSyntax(found ?? textSyntax(before, after, language), startLine - 1);
  }

  async #prompt({ params, syntax, completer, draft, signal }: Work): Promise<readonly CompletionPiece[]> {
    const settings = this.#options.settings();
    const grammars = await this.#options.grammars();
    const row = grammars.languages.find(({ id }) => id === params.language);
    const request = {
      format: completer.format,
      counter: completer.counter,
      textOf: completer.textOf,
      path: params.path ?? "",
      before: params.before,
      after: params.after,
      startLine: params.startLine,
      budgetTokens: Math.min(settings["complete.budgetTokens"], completer.contextTokens),
      shares: sharesOf(settings),
    };
    const stableMax = stableTokensMax(request.budgetTokens, completer.role);
    const stable = this.#stable.pieces({
      params,
      scope: syntax.scope,
      completer,
      source: await this.#options.index(params.trigger === "explicit", signal),
      grammar: row === undefined ? null : await grammars.grammar(row.id),
      comment: { line: row?.lineComment ?? "", block: row?.blockComment ?? null },
      budgetTokens: Math.min(stableMax, stableBudget(request, 0)),
      freshBudgetTokens: Math.min(stableMax, stableBudget(request, growthTokens)),
      digestTokens: Math.floor((request.budgetTokens * settings["budget.digestPercent"]) / 100),
    });
    draft.time("contextMs");
    throwIfCancelled(signal);
    const prompt = completionPrompt({ ...request, stable, anchor: this.#anchor });
    this.#anchor = prompt.anchor;
    draft.pieces = prompt.pieces;
    draft.time("promptMs");
    return prompt.pieces;
  }

  async #write({
    params,
    syntax,
    completer,
    draft,
    signal,
    mode,
  }: Work & { readonly mode: CompletionMode }): Promise<Completion> {
    const settings = this.#options.settings();
    const asked = params.maxTokens ?? 0;
    const tokensMax = asked > 0 ? asked : settings["complete.maxTokens"];
    const linesAsked = params.maxLines ?? 0;
    const maxLines = linesAsked > 0 ? linesAsked : settings["complete.maxLines"];
    const trim = (text: string): Trimmed =>
      trimCompletion({
        text,
        before: params.before,
        after: params.after,
        mode,
        syntax,
        language: params.language,
        maxLines,
      });
    const written = await completer.write({
      maxTokens: mode === "line" ? Math.min(tokensMax, lineTokensMax) : tokensMax,
      signal,
      isDone: (text) => text.includes("\n") && trim(text).isFinal,
    });
    const { text, nothing } = trim(written.text);
    const confidence = text === "" ? 0 : meanProbability(keptLogs(written, text));
    draft.time("writeMs");
    draft.figures = { ...draft.figures, tokensWritten: written.tokens.length };
    draft.confidence = confidence;
    if (nothing !== null) return draft.nothing(nothing);
    const isUnsure = completer.role === "embedded" && confidence < embeddedConfidenceMin;
    if (isUnsure && params.trigger !== "explicit") return draft.nothing("unsure");
    return draft.done(text);
  }
}

interface Work {
  readonly params: CompleteParams;
  readonly syntax: CursorSyntax;
  readonly completer: Completer;
  readonly draft: Draft;
  readonly signal: AbortSignal;
}

/** What is never indexed is never completed either. */
function isSecret({ path, location, language, before, after }: CompleteParams): boolean {
  const file = (path ?? location ?? "").replaceAll("\\", "/");
  return isSecretPath(file, language === "text" ? null : language) || holdsPrivateKey(before + after);
}

function sharesOf(settings: Settings): { readonly prefix: number; readonly suffix: number } {
  const prefix = settings["complete.prefixPercent"];
  return { prefix, suffix: Math.min(settings["complete.suffixPercent"], 100 - prefix) };
}

/** Log probabilities of the tokens that the kept text is made of; what was added to it, such as a bracket, has none. */
export function keptLogs({ logProbabilities, lengths }: WrittenText, text: string): readonly number[] {
  const last = lengths.findIndex((length) => length >= text.length);
  return last < 0 ? logProbabilities : logProbabilities.slice(0, last + 1);
}

function meanProbability(logs: readonly number[]): number {
  return logs.reduce((sum, log) => sum + Math.exp(log), 0) / Math.max(1, logs.length);
}

/** A completion in the making, with the times of its stages. */
class Draft {
  mode: CompletionMode | null = null;
  model: Completion["model"] = null;
  pieces: readonly CompletionPiece[] = [];
  confidence = 0;
  figures: CompletionFigures = noFigures;
  readonly #budgetTokens: number;
  readonly #startMs = performance.now();
  #lastMs = this.#startMs;

  constructor(budgetTokens: number) {
    this.#budgetTokens = budgetTokens;
  }

  /** What passed since the last stage is this one's time. */
  time(stage: "waitMs" | "contextMs" | "promptMs" | "readMs" | "writeMs"): void {
    const nowMs = performance.now();
    this.figures = { ...this.figures, [stage]: this.figures[stage] + nowMs - this.#lastMs };
    this.#lastMs = nowMs;
  }

  done(text: string): Completion {
    return this.#completion(text, null);
  }

  nothing(reason: NothingReason): Completion {
    return this.#completion("", reason);
  }

  #completion(text: string, nothing: NothingReason | null): Completion {
    const { mode, model, pieces, confidence } = this;
    const figures = { ...this.figures, totalMs: performance.now() - this.#startMs };
    return { text, nothing, mode, confidence, pieces, budgetTokens: this.#budgetTokens, model, figures };
  }
}
