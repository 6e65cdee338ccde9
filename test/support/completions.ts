import type { Completion, NothingReason } from "../../extension/protocol/complete.ts";

/** What an engine answers that suggests this text. */
export function completionOf(text: string, changes: Partial<Completion> = {}): Completion {
  return {
    text,
    nothing: null,
    mode: text.includes("\n") ? "lines" : "line",
    confidence: 0.9,
    pieces: [],
    budgetTokens: 1024,
    model: { name: "test", role: "embedded", fillIn: "suffix-first" },
    figures: {
      waitMs: 0,
      contextMs: 1,
      promptMs: 1,
      readMs: 20,
      writeMs: 30,
      totalMs: 52,
      promptTokens: 900,
      tokensReused: 800,
      tokensRead: 100,
      tokensWritten: 9,
    },
    ...changes,
  };
}

/** What an engine answers that has nothing to suggest. */
export function noCompletion(nothing: NothingReason): Completion {
  return completionOf("", { nothing, mode: null, confidence: 0 });
}
