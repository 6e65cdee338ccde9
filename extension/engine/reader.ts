import { untilAborted } from "../base/abortable.ts";
import { findCitations } from "../pipeline/cite.ts";
import { extractiveAnswer, extractiveParts } from "../pipeline/extract.ts";
import type { ExtractRequest } from "../pipeline/extract.ts";
import type { ChatFormat, TokenCounter } from "../pipeline/ports.ts";
import { Failure } from "../protocol/failure.ts";
import type { Settings } from "../protocol/settings.ts";
import type { Answer, Citation, Prompt, RankedUnit, StopReason, Unit } from "../protocol/units.ts";
import { chooseBudget } from "./budget.ts";
import type { Budget } from "./budget.ts";
import { plainFormat } from "./chat.ts";
import type { Models } from "./models.ts";
import { placeFinder } from "./places.ts";
import type { PlaceSource } from "./places.ts";
import type { Session } from "./session.ts";

/** Sampling that the settings do not offer: llama.cpp's own defaults. */
const sampling = { topK: 40, topP: 0.95, minP: 0.05 } as const;

export interface ReadOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (tokensDone: number, tokensReused: number) => void;
}

interface AnswerMaterial {
  readonly prompt: Prompt;
  readonly ranked: readonly RankedUnit[];
  /** What goes along whatever its rank. */
  readonly pinned: readonly Unit[];
  /** Line comment of a language. */
  readonly omission: (language: string) => string;
}

export interface CiteOptions extends AnswerMaterial {
  readonly source: PlaceSource;
}

export interface WriteOptions extends AnswerMaterial {
  readonly seed: number | undefined;
  readonly signal: AbortSignal;
}

export interface Written {
  readonly stopReason: StopReason;
  readonly tokens: number;
}

export interface ReadTokens {
  readonly tokensRead: number;
  readonly tokensReused: number;
  readonly tokensLoaded: number;
}

/** Whoever reads the prompt and writes the answer: the assistant, or nobody. */
export interface Reader {
  readonly source: Answer["source"];
  readonly budget: Budget;
  readonly counter: TokenCounter;
  readonly chat: ChatFormat;
  readonly kvBytes: number;
  /** Tokens that the repository digest may take; 0: none is wanted. */
  readonly digestTokens: number;
  /** Fills the KV cache. Fails with `cancelled`. */
  read(prompt: Prompt, options: ReadOptions): Promise<ReadTokens>;
  /** Yields the answer bit by bit; an abort is a stop reason, not a failure. */
  write(options: WriteOptions): AsyncGenerator<string, Written, undefined>;
  /** The places that the written text points to. */
  cite(text: string, options: CiteOptions): readonly Citation[];
}

export interface ReaderRequest {
  /** 0: as the settings say. */
  readonly budgetTokens: number;
  /** 0: as the settings say. */
  readonly maxTokens: number;
  readonly settings: Settings;
  /** True where no model is wanted, whether one is chosen or not. */
  readonly isSearch: boolean;
  /** As in `ExtractRequest`. */
  readonly translations: Readonly<Record<string, string>>;
  /** True where only the prompt is wanted: a session that is open is not replaced by a larger one. */
  readonly readsNothing: boolean;
  readonly signal: AbortSignal;
}

/** Loads the assistant where one is chosen. Fails as `Session.open` does, or with `cancelled`. */
export async function openReader(models: Models, request: ReaderRequest): Promise<Reader> {
  const { settings, signal, isSearch, translations } = request;
  const path = isSearch ? null : models.assistantPath;
  const device = path === null ? "cpu" : (await untilAborted(models.llama(), signal)).report.device;
  const header = await models.assistantHeader();
  const budget = chooseBudget({
    askedTokens: request.budgetTokens,
    settingsTokens: settings["budget.contextTokens"],
    askedAnswerTokens: request.maxTokens,
    settingsAnswerTokens: settings["budget.answerTokens"],
    windowTokens: header?.trainedContext ?? null,
    device,
  });
  if (path === null) {
    const counter = await untilAborted(models.counter(), signal);
    return new ExtractiveReader(budget, counter, { isSearch, translations });
  }
  // A load that nobody waits for any more goes on, for the next question.
  const session = await untilAborted(models.assistant(path, budget.budgetTokens, request.readsNothing), signal);
  return new AssistantReader(session, budget, {
    maxTokens: request.maxTokens || settings["budget.answerTokens"],
    temperature: settings["answer.temperature"],
    digestTokens: Math.floor((budget.budgetTokens * settings["budget.digestPercent"]) / 100),
  });
}

interface AnswerOptions {
  readonly maxTokens: number;
  readonly temperature: number;
  readonly digestTokens: number;
}

class AssistantReader implements Reader {
  readonly source = "assistant";
  readonly budget: Budget;
  readonly counter: TokenCounter;
  readonly chat: ChatFormat;
  readonly digestTokens: number;
  readonly #session: Session;
  readonly #answer: AnswerOptions;

  constructor(session: Session, budget: Budget, answer: AnswerOptions) {
    this.#session = session;
    this.#answer = answer;
    this.budget = budget;
    this.counter = session.counter;
    this.chat = session.chat;
    this.digestTokens = answer.digestTokens;
  }

  get kvBytes(): number {
    return this.#session.kvBytes;
  }

  async read(prompt: Prompt, options: ReadOptions): Promise<ReadTokens> {
    const { tokens, segments } = this.#session.promptTokens(prompt);
    if (tokens.length !== prompt.tokensSent) {
      throw new Failure("internal", `the prompt has ${tokens.length} tokens, its pieces ${prompt.tokensSent}`);
    }
    return this.#session.read(tokens, { ...options, segments, reserveTokens: this.#answerTokens(prompt) });
  }

  write(options: WriteOptions): AsyncGenerator<string, Written, undefined> {
    return this.#session.generate({
      ...sampling,
      temperature: this.#answer.temperature,
      maxTokens: this.#answerTokens(options.prompt),
      signal: options.signal,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    });
  }

  cite(text: string, { source, prompt }: CiteOptions): readonly Citation[] {
    const { resolve, resolveName, occurs } = placeFinder(source, prompt);
    return findCitations(text, resolve, resolveName, occurs);
  }

  #answerTokens(prompt: Prompt): number {
    return Math.min(this.#answer.maxTokens, this.budget.budgetTokens - prompt.tokensSent);
  }
}

class ExtractiveReader implements Reader {
  readonly source = "extractive";
  readonly budget: Budget;
  readonly counter: TokenCounter;
  readonly chat = plainFormat({ bosText: "", addBos: false });
  readonly kvBytes = 0;
  readonly digestTokens = 0;
  readonly #asked: Pick<ReaderRequest, "isSearch" | "translations">;

  constructor(budget: Budget, counter: TokenCounter, asked: Pick<ReaderRequest, "isSearch" | "translations">) {
    this.budget = budget;
    this.counter = counter;
    this.#asked = asked;
  }

  read(): Promise<ReadTokens> {
    return Promise.resolve({ tokensRead: 0, tokensReused: 0, tokensLoaded: 0 });
  }

  async *write({ signal, ...material }: WriteOptions): AsyncGenerator<string, Written, undefined> {
    for (const part of extractiveParts(this.#request(material))) {
      if (signal.aborted) return { stopReason: "cancelled", tokens: 0 };
      yield part;
      // Lets a cancellation in, and the text out.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { stopReason: "end", tokens: 0 };
  }

  cite(_: string, material: CiteOptions): readonly Citation[] {
    return extractiveAnswer(this.#request(material)).citations;
  }

  #request({ prompt, pinned, ranked, omission }: AnswerMaterial): ExtractRequest {
    return { question: prompt.question, pinned, ranked, omission, ...this.#asked };
  }
}
