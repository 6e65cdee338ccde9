import type { Answer, Citation, Prompt, StopReason } from "../protocol/units.ts";
import type { Reader, ReadTokens, Written } from "./reader.ts";
import type { StageTimes } from "./stageTimes.ts";

/** An answer in the making: what is there when it is cancelled is the answer. */
export class AnswerDraft {
  readonly #question: string;
  #prompt: Prompt;
  #reader: Reader | null = null;
  #text = "";
  #tokensRead = 0;
  #tokensReused = 0;
  #tokensLoaded = 0;
  #tokensWritten = 0;
  #stopReason: StopReason = "cancelled";
  #citations: readonly Citation[] = [];

  constructor(question: string) {
    this.#question = question;
    this.#prompt = emptyPrompt(question);
  }

  get text(): string {
    return this.#text;
  }

  get prompt(): Prompt {
    return this.#prompt;
  }

  begin(prompt: Prompt, reader: Reader): void {
    this.#prompt = prompt;
    this.#reader = reader;
  }

  hasRead({ tokensRead, tokensReused, tokensLoaded }: ReadTokens): void {
    this.#tokensRead = tokensRead;
    this.#tokensReused = tokensReused;
    this.#tokensLoaded = tokensLoaded;
  }

  /** Takes in what the reader writes, and hands each bit on. */
  async collect(writing: AsyncGenerator<string, Written, undefined>, onText: (text: string) => void): Promise<void> {
    let step = await writing.next();
    while (step.done !== true) {
      this.#text += step.value;
      onText(step.value);
      step = await writing.next();
    }
    this.#tokensWritten = step.value.tokens;
    this.#stopReason = step.value.stopReason;
  }

  cite(citations: readonly Citation[]): void {
    this.#citations = citations;
  }

  finish({ times }: StageTimes): Answer {
    return {
      question: this.#question,
      text: this.#text,
      source: this.#reader?.source ?? "extractive",
      stopReason: this.#stopReason,
      citations: this.#citations,
      prompt: this.#prompt,
      figures: {
        tokensRaw: this.#prompt.tokensRaw,
        tokensSent: this.#prompt.tokensSent,
        tokensReused: this.#tokensReused,
        tokensLoaded: this.#tokensLoaded,
        tokensWritten: this.#tokensWritten,
        readTokensPerSecond: perSecond(this.#tokensRead, times.readMs),
        writeTokensPerSecond: perSecond(this.#tokensWritten, times.writeMs),
        kvBytes: this.#reader?.kvBytes ?? 0,
        ...times,
      },
    };
  }
}

/** The prompt of an answer that was cancelled before it had one. */
function emptyPrompt(question: string): Prompt {
  return {
    question,
    pieces: [],
    dropped: [],
    budgetTokens: 0,
    answerReserveTokens: 0,
    tokensSent: 0,
    tokensRaw: 0,
    tokenizer: "",
  };
}

function perSecond(tokens: number, ms: number): number {
  return ms > 0 ? (tokens * 1000) / ms : 0;
}
