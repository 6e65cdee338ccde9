import { t } from "@vscode/l10n";
import { nothingReasons } from "../protocol/complete.ts";
import type { Completer, SuggestionRecord } from "./completer.ts";
import { failureText } from "./failureView.ts";

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
      return { text: " $(circle-slash)", sentence: t("Completion: off for {0}", status.language) };
    case "thinking":
      return { text: " $(loading~spin)", sentence: t("Completion: thinking") };
    case "ready": {
      const { answeredMs, problem } = status;
      if (problem !== null) return { text: " $(warning)", sentence: t("Completion: {0}", problem) };
      if (answeredMs === null) return { text: "", sentence: t("Completion: ready") };
      const ms = Math.round(answeredMs);
      return { text: ` ${ms} ms`, sentence: t("Completion: ready, the last answer took {0} ms", ms) };
    }
  }
}

/** Most requests that end with nothing are no problem; having no model is. */
function problemOf(last: SuggestionRecord | null): string | null {
  if (last?.outcome.kind === "failed") return failureText(last.outcome.failure);
  if (last?.outcome.kind === "nothing" && last.outcome.completion.nothing === "noModel")
    return t(nothingReasons.noModel);
  return null;
}
