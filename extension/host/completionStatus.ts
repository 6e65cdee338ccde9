import { nothingReasons } from "../protocol/complete.ts";
import type { Completer, SuggestionRecord } from "./completer.ts";

/** How completing fares in the editor that has the focus. */
export type CompletionStatus =
  /** There is no editor. */
  | { readonly kind: "none" }
  | { readonly kind: "off"; readonly language: string }
  | { readonly kind: "thinking" }
  /** `answeredMs`: what the engine took last; null before. `problem`: why there can be no suggestion, in words. */
  | { readonly kind: "ready"; readonly answeredMs: number | null; readonly problem: string | null };

/** `document` is the one in the editor: what editors call its language, and whether that is completed. */
export function completionStatus(
  completer: Pick<Completer, "isThinking" | "answeredMs" | "last">,
  document: { readonly languageId: string; readonly isEnabled: boolean } | null,
): CompletionStatus {
  if (document === null) return { kind: "none" };
  if (!document.isEnabled) return { kind: "off", language: document.languageId };
  if (completer.isThinking) return { kind: "thinking" };
  return { kind: "ready", answeredMs: completer.answeredMs, problem: problemOf(completer.last) };
}

/** What the status bar adds to its item, and the sentence that explains it; empty where there is nothing to say. */
export function completionLabel(status: CompletionStatus): { readonly text: string; readonly sentence: string } {
  switch (status.kind) {
    case "none":
      return { text: "", sentence: "" };
    case "off":
      return { text: " $(circle-slash)", sentence: `Completion: off for ${status.language}` };
    case "thinking":
      return { text: " $(loading~spin)", sentence: "Completion: thinking" };
    case "ready": {
      const { answeredMs, problem } = status;
      if (problem !== null) return { text: " $(warning)", sentence: `Completion: ${problem}` };
      if (answeredMs === null) return { text: "", sentence: "Completion: ready" };
      const ms = Math.round(answeredMs);
      return { text: ` ${ms} ms`, sentence: `Completion: ready, the last answer took ${ms} ms` };
    }
  }
}

/** Most requests that end with nothing are no problem; having no model is. */
function problemOf(last: SuggestionRecord | null): string | null {
  if (last?.outcome.kind === "failed") return last.outcome.failure.message;
  if (last?.outcome.kind === "nothing" && last.outcome.completion.nothing === "noModel") return nothingReasons.noModel;
  return null;
}
