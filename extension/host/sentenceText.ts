import { t } from "@vscode/l10n";
import type { Sentence } from "../protocol/sentence.ts";

/** What the engine says, in the editor's language. */
export function sentenceText({ text, values }: Sentence): string {
  return t(text, ...values);
}
