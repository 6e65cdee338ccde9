/**
 * Sentences for people, as engine and pipeline make them: they do not know the language of who reads. The editor shows
 * them in its own language, and the terminal in English.
 */

/** A name, a number, or what another program said. What is to be translated is part of the text, or a sentence of its own. */
export type SentenceValue = string | number;

/** A sentence, or a part of one that is shown on its own, such as a reason. */
export interface Sentence {
  /** English, with `{0}`, `{1}`, … where the values go. Translations are found by it. */
  readonly text: string;
  readonly values: readonly SentenceValue[];
}

/** `text` is a literal, or an entry of a table of literals: a test looks for its translation. */
export function sentence(text: string, ...values: readonly SentenceValue[]): Sentence {
  return { text, values };
}

/** For the terminal, logs and technical details. */
export function english(told: Sentence): string {
  return translated(told, {});
}

/** In the language of `translations`, which are found by their English texts; in English where there is none. */
export function translated({ text, values }: Sentence, translations: Readonly<Record<string, string>>): string {
  const template = translations[text] ?? text;
  return template.replace(/\{(\d+)\}/g, (placeholder, at) => String(values[Number(at)] ?? placeholder));
}

/** Nothing else that crosses a boundary has these two fields and no others. */
export function isSentence(value: unknown): value is Sentence {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 2) return false;
  return "text" in value && typeof value.text === "string" && "values" in value && Array.isArray(value.values);
}
