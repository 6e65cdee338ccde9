/** What a question may begin with. The same in the Ask view and in the terminal. */

export const slashCommandNames = ["explain", "find", "tests", "doc"] as const;
export type SlashCommandName = (typeof slashCommandNames)[number];

export interface SlashCommand {
  /** `places`: the code that fits best, in order, and no model; `model`: a written answer where a model is chosen. */
  readonly answers: "model" | "places";
  /** What the model is asked in place of the bare question; null where none is asked. */
  readonly instruction: string | null;
}

/** A new command is one row here, and its line of help in the Ask view. */
export const slashCommands: Readonly<Record<SlashCommandName, SlashCommand>> = {
  explain: {
    answers: "model",
    instruction:
      "Explain the following step by step: what it is for, how it works, what calls it, and what a reader could trip over.",
  },
  find: { answers: "places", instruction: null },
  tests: {
    answers: "model",
    instruction:
      "Write tests for the following, in the language, the test framework and the style of this repository. " +
      "Cover the usual case, the edges and the failures, and say in one line what each test holds.",
  },
  doc: {
    answers: "model",
    instruction:
      "Write the documentation comment for the following, in the form that its language uses: what it does, " +
      "parameters, result, and failures. Do not repeat the code.",
  },
};

export type SlashLine =
  | { readonly kind: "plain"; readonly rest: string }
  | { readonly kind: "command"; readonly command: SlashCommandName; readonly rest: string }
  | { readonly kind: "unknown"; readonly name: string };

/** Splits a command off the beginning of a question. A path, as in `/usr/lib/x`, is no command. */
export function parseSlashLine(text: string): SlashLine {
  const trimmed = text.trim();
  const match = /^\/([A-Za-z][\w-]*)(?:\s+|$)/.exec(trimmed);
  if (match === null) return { kind: "plain", rest: trimmed };
  const name = match[1] ?? "";
  const command = slashCommandNames.find((known) => known === name.toLowerCase());
  if (command === undefined) return { kind: "unknown", name };
  return { kind: "command", command, rest: trimmed.slice(match[0].length).trim() };
}

/** The question as the model reads it. */
export function instructedQuestion(question: string, command: SlashCommandName | undefined): string {
  const instruction = command === undefined ? null : slashCommands[command].instruction;
  return instruction === null ? question : `${instruction}\n\n${question}`;
}
