/** What the Ask view knows, and how it changes. Pure: the same actions give the same model. */
import type { TurnView, ViewState } from "../extension/protocol/view.ts";

export interface AskModel {
  /** The host's truth; null until it has answered. */
  readonly snapshot: ViewState | null;
  /** What stands in the question box. */
  readonly draft: string;
  /** An intent that the host has not shown the effect of yet. */
  readonly pending: "none" | "ask" | "stop";
  /** How many questions back the box shows; 0 is the draft itself. */
  readonly recalled: number;
}

export type AskAction =
  | { readonly type: "snapshotReceived"; readonly state: ViewState }
  | { readonly type: "draftChanged"; readonly draft: string }
  | { readonly type: "questionSent" }
  | { readonly type: "stopRequested" }
  /** Earlier questions are fetched back into the box, one step at a time. */
  | { readonly type: "recallRequested"; readonly direction: "older" | "newer" };

export function initialModel(draft: string): AskModel {
  return { snapshot: null, draft, pending: "none", recalled: 0 };
}

export function reduce(model: AskModel, action: AskAction): AskModel {
  switch (action.type) {
    case "snapshotReceived":
      return { ...model, snapshot: action.state, pending: stillPending(model, action.state) };
    case "draftChanged":
      return { ...model, draft: action.draft, recalled: 0 };
    case "questionSent":
      return { ...model, draft: "", pending: "ask", recalled: 0 };
    case "stopRequested":
      return isAnswering(model) ? { ...model, pending: "stop" } : model;
    case "recallRequested":
      return recall(model, action.direction);
  }
}

/** The turn that is being answered, or null. */
export function openTurn(model: AskModel): TurnView | null {
  const last = model.snapshot?.turns.at(-1);
  return last === undefined || last.phase === "done" ? null : last;
}

export function isAnswering(model: AskModel): boolean {
  return openTurn(model) !== null;
}

export function canSend(model: AskModel): boolean {
  return (
    model.draft.trim() !== "" &&
    model.pending === "none" &&
    model.snapshot !== null &&
    model.snapshot.folder !== null &&
    !isAnswering(model)
  );
}

/** What is going on, in one line; empty when nothing is. */
export function progressLine(model: AskModel): string {
  const turn = openTurn(model);
  if (turn === null) return "";
  if (model.pending === "stop") return "Stopping…";
  const { progress } = turn;
  switch (turn.phase) {
    case "starting":
      return "Starting the engine…";
    case "indexing":
      return progress === null || progress.total === 0
        ? "Indexing the folder…"
        : `Indexing: ${number(progress.done)} of ${number(progress.total)} files`;
    case "ranking":
      return "Finding the code that matters…";
    case "fitting":
      return "Fitting the code into the budget…";
    case "reading":
      return progress === null || progress.total === 0
        ? "Reading…"
        : `Reading ${number(progress.done)} of ${number(progress.total)} tokens, ${number(progress.reused)} reused`;
    case "writing":
      return "Writing the answer…";
    case "done":
      return "";
  }
}

/** The done share of the open turn's phase, 0…1; null where it is not known. */
export function progressShare(model: AskModel): number | null {
  const progress = openTurn(model)?.progress ?? null;
  return progress === null || progress.total === 0 ? null : Math.min(1, progress.done / progress.total);
}

function stillPending(model: AskModel, state: ViewState): AskModel["pending"] {
  const after = { ...model, snapshot: state };
  switch (model.pending) {
    case "none":
      return "none";
    // The question has arrived when there is a turn that was not there before.
    case "ask":
      return state.turns.at(-1)?.askId === model.snapshot?.turns.at(-1)?.askId ? "ask" : "none";
    case "stop":
      return isAnswering(after) ? "stop" : "none";
  }
}

function recall(model: AskModel, direction: "older" | "newer"): AskModel {
  const turns = model.snapshot?.turns ?? [];
  const recalled = Math.min(Math.max(model.recalled + (direction === "older" ? 1 : -1), 0), turns.length);
  if (recalled === model.recalled) return model;
  return { ...model, recalled, draft: recalled === 0 ? "" : (turns.at(-recalled)?.question ?? "") };
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
