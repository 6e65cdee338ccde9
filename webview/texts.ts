/** Sentences that depend on a value. */
import { t } from "@vscode/l10n";
import type { MentionKind } from "../extension/protocol/mentions.ts";
import type { SlashCommandName } from "../extension/protocol/slashCommands.ts";
import type { FailureAction } from "../extension/protocol/view.ts";
import { number } from "./l10n.ts";
import { openTurn } from "./state.ts";
import type { AskModel } from "./state.ts";

const actionLabels = {
  askAgain: "Ask again",
  chooseModel: "Choose a model",
  editQuestion: "Edit the question",
  openFolder: "Open a folder",
  openSettings: "Open settings",
  reloadWindow: "Reload the window",
  restartEngine: "Restart the engine",
  showLog: "Show the log",
  useCpu: "Try again on the CPU",
} as const satisfies Record<Exclude<FailureAction, "none">, string>;

export function actionLabel(action: Exclude<FailureAction, "none">): string {
  return t(actionLabels[action]);
}

const commandHints = {
  explain: "Explain code step by step",
  find: "List the code that fits best, without a model",
  tests: "Write tests",
  doc: "Write documentation",
} as const satisfies Record<SlashCommandName, string>;

export function commandHint(name: SlashCommandName): string {
  return t(commandHints[name]);
}

const mentionHints = {
  file: "A file that goes along",
  symbol: "A function, class or other symbol that goes along",
  selection: "The code selected in the editor",
} as const satisfies Record<MentionKind, string>;

export function mentionHint(kind: MentionKind): string {
  return t(mentionHints[kind]);
}

/** What is going on, in one line; empty when nothing is. */
export function progressLine(model: AskModel): string {
  const turn = openTurn(model);
  if (turn === null) return "";
  if (model.pending === "stop") return t("Stopping…");
  const { progress } = turn;
  switch (turn.phase) {
    case "indexing":
      return progress === null || progress.total === 0
        ? phaseLine(model)
        : t("Indexing: {0} of {1} files", number(progress.done), number(progress.total));
    case "reading":
      return progress === null || progress.total === 0
        ? phaseLine(model)
        : t(
            "Reading {0} of {1} tokens, {2} reused",
            number(progress.done),
            number(progress.total),
            number(progress.reused),
          );
    default:
      return phaseLine(model);
  }
}

/** The same without figures that change all the time: for those who have it read out. */
export function phaseLine(model: AskModel): string {
  const turn = openTurn(model);
  if (turn === null) return "";
  if (model.pending === "stop") return t("Stopping…");
  switch (turn.phase) {
    case "starting":
      return t("Starting the engine…");
    case "indexing":
      return t("Indexing the folder…");
    case "ranking":
      return t("Finding the code that matters…");
    case "fitting":
      return t("Fitting the code into the budget…");
    case "reading":
      return t("Reading…");
    case "writing":
      return t("Writing the answer…");
    case "done":
      return "";
  }
}
