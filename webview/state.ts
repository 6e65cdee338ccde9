/** What the Ask view knows, and how it changes. Pure: the same actions give the same model. */
import type { MentionPlaceView, TurnView, ViewState } from "../extension/protocol/view.ts";
import { accepted, knownSuggestions, placeSuggestions, tokenAt } from "./suggestions.ts";
import type { Suggestion, Token } from "./suggestions.ts";

export interface AskModel {
  /** The host's truth; null until it has answered. */
  readonly snapshot: ViewState | null;
  /** A message was missed: the host has to send the whole state again. */
  readonly isStale: boolean;
  /** What stands in the question box, and where its cursor is to be put. */
  readonly draft: string;
  readonly caret: number;
  /** An intent that the host has not shown the effect of yet. */
  readonly pending: "none" | "ask" | "stop";
  /** How many questions back the box shows; 0 is the draft itself. */
  readonly recalled: number;
  /** The turn whose question is being edited, and the draft that makes way for it. */
  readonly editing: { readonly askId: string; readonly heldDraft: string } | null;
  readonly suggesting: Suggesting | null;
  /** Each search has a number of its own. */
  readonly lastRequestId: number;
  readonly isHistoryOpen: boolean;
  /** What became of the last intent, in a sentence; numbered, since the same may be told twice. */
  readonly told: { readonly sentence: string; readonly number: number };
}

/** The list below the question box's cursor. */
export interface Suggesting {
  readonly token: Token;
  readonly items: readonly Suggestion[];
  /** Of the item that Enter takes. */
  readonly active: number;
  /** Of the search that the items come from; each changed token is a new one. */
  readonly requestId: number;
}

export type AskAction =
  | { readonly type: "snapshotReceived"; readonly state: ViewState }
  | { readonly type: "turnReceived"; readonly turn: TurnView }
  | { readonly type: "textReceived"; readonly askId: string; readonly at: number; readonly text: string }
  | { readonly type: "draftChanged"; readonly draft: string; readonly caret: number }
  | { readonly type: "questionSent" }
  | { readonly type: "stopRequested" }
  /** Earlier questions are fetched back into the box, one step at a time. */
  | { readonly type: "recallRequested"; readonly direction: "older" | "newer" }
  | { readonly type: "editRequested"; readonly askId: string }
  | { readonly type: "editCancelled" }
  | { readonly type: "placesFound"; readonly requestId: number; readonly places: readonly MentionPlaceView[] }
  | { readonly type: "suggestionMoved"; readonly by: 1 | -1 }
  | { readonly type: "suggestionAccepted"; readonly index: number }
  | { readonly type: "suggestionsClosed" }
  | { readonly type: "historyToggled"; readonly isOpen: boolean }
  | { readonly type: "told"; readonly sentence: string };

export function initialModel(draft: string): AskModel {
  return {
    snapshot: null,
    isStale: false,
    draft,
    caret: draft.length,
    pending: "none",
    recalled: 0,
    editing: null,
    suggesting: null,
    lastRequestId: 0,
    isHistoryOpen: false,
    told: { sentence: "", number: 0 },
  };
}

export function reduce(model: AskModel, action: AskAction): AskModel {
  switch (action.type) {
    case "snapshotReceived":
      return withSnapshot({ ...model, isStale: false }, action.state);
    case "turnReceived":
      return withTurn(model, action.turn);
    case "textReceived":
      return withText(model, action);
    case "draftChanged":
      return suggested({ ...silent(model), draft: action.draft, caret: action.caret, recalled: 0 });
    case "questionSent":
      return { ...withDraft(silent(model), ""), pending: "ask", editing: null, isHistoryOpen: false };
    case "stopRequested":
      return isAnswering(model) ? { ...model, pending: "stop" } : model;
    case "recallRequested":
      return recall(model, action.direction);
    case "editRequested":
      return edited(model, action.askId);
    case "editCancelled":
      return model.editing === null ? model : withDraft({ ...model, editing: null }, model.editing.heldDraft);
    case "placesFound":
      return withPlaces(model, action);
    case "suggestionMoved":
      return moved(model, action.by);
    case "suggestionAccepted":
      return withSuggestion(model, action.index);
    case "suggestionsClosed":
      return { ...model, suggesting: null };
    case "historyToggled":
      return { ...model, isHistoryOpen: action.isOpen };
    case "told":
      return { ...model, told: { sentence: action.sentence, number: model.told.number + 1 } };
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

/** The done share of the open turn's phase, 0…1; null where it is not known. */
export function progressShare(model: AskModel): number | null {
  const progress = openTurn(model)?.progress ?? null;
  return progress === null || progress.total === 0 ? null : Math.min(1, progress.done / progress.total);
}

/** What the engine has to look for so that something can be suggested; null where it has not. */
export function neededSearch(
  model: AskModel,
): { readonly requestId: number; readonly kind: "file" | "symbol"; readonly query: string } | null {
  if (model.suggesting === null) return null;
  const { token, requestId } = model.suggesting;
  return token.kind === "file" || token.kind === "symbol" ? { requestId, kind: token.kind, query: token.query } : null;
}

function withSnapshot(model: AskModel, snapshot: ViewState): AskModel {
  const after = { ...model, snapshot };
  const isGone = model.editing !== null && !snapshot.turns.some(({ askId }) => askId === model.editing?.askId);
  return { ...after, pending: stillPending(model, after), editing: isGone ? null : model.editing };
}

function withTurn(model: AskModel, turn: TurnView): AskModel {
  const { snapshot } = model;
  if (snapshot === null) return { ...model, isStale: true };
  const isLast = snapshot.turns.at(-1)?.askId === turn.askId;
  const before = isLast ? snapshot.turns.slice(0, -1) : snapshot.turns;
  return withSnapshot(model, { ...snapshot, turns: [...before, turn] });
}

function withText(model: AskModel, { askId, at, text }: Extract<AskAction, { type: "textReceived" }>): AskModel {
  const turn = model.snapshot?.turns.at(-1);
  if (turn?.askId !== askId || turn.text.length !== at) return { ...model, isStale: true };
  return withTurn(model, { ...turn, text: turn.text + text });
}

/** What was told last is read by now. */
function silent(model: AskModel): AskModel {
  return model.told.sentence === "" ? model : { ...model, told: { ...model.told, sentence: "" } };
}

function stillPending(before: AskModel, after: AskModel): AskModel["pending"] {
  switch (before.pending) {
    case "none":
      return "none";
    // The question has arrived when there is a turn that was not there before.
    case "ask":
      return after.snapshot?.turns.at(-1)?.askId === before.snapshot?.turns.at(-1)?.askId ? "ask" : "none";
    case "stop":
      return isAnswering(after) ? "stop" : "none";
  }
}

function withDraft(model: AskModel, draft: string): AskModel {
  return { ...model, draft, caret: draft.length, recalled: 0, suggesting: null };
}

function recall(model: AskModel, direction: "older" | "newer"): AskModel {
  const turns = model.snapshot?.turns ?? [];
  const recalled = Math.min(Math.max(model.recalled + (direction === "older" ? 1 : -1), 0), turns.length);
  if (recalled === model.recalled) return model;
  const draft = recalled === 0 ? "" : (turns.at(-recalled)?.question ?? "");
  return { ...withDraft(model, draft), recalled };
}

function edited(model: AskModel, askId: string): AskModel {
  const turn = model.snapshot?.turns.find((one) => one.askId === askId);
  if (turn === undefined) return model;
  const heldDraft = model.editing?.heldDraft ?? model.draft;
  return { ...withDraft(model, turn.question), editing: { askId, heldDraft } };
}

/** Begins, goes on with, or ends suggesting, by what stands before the cursor. */
function suggested(model: AskModel): AskModel {
  const token = tokenAt(model.draft, model.caret);
  if (token === null) return { ...model, suggesting: null };
  const before = model.suggesting;
  const requestId = model.lastRequestId + 1;
  // Until the engine has found others, what fitted the shorter query stays: an empty list would flicker.
  const items = before?.token.kind === token.kind && token.query !== "" ? before.items : [];
  const known = token.kind === "file" || token.kind === "symbol" ? items : knownSuggestions(token);
  return { ...model, lastRequestId: requestId, suggesting: { token, items: known, active: 0, requestId } };
}

function withPlaces(model: AskModel, { requestId, places }: Extract<AskAction, { type: "placesFound" }>): AskModel {
  const { suggesting } = model;
  if (suggesting?.requestId !== requestId) return model;
  const { kind } = suggesting.token;
  if (kind !== "file" && kind !== "symbol") return model;
  return { ...model, suggesting: { ...suggesting, items: placeSuggestions(kind, places), active: 0 } };
}

function moved(model: AskModel, by: 1 | -1): AskModel {
  const { suggesting } = model;
  if (suggesting === null || suggesting.items.length === 0) return model;
  const { length } = suggesting.items;
  return { ...model, suggesting: { ...suggesting, active: (suggesting.active + by + length) % length } };
}

function withSuggestion(model: AskModel, index: number): AskModel {
  const { suggesting } = model;
  const item = suggesting?.items[index];
  if (suggesting === null || item === undefined) return model;
  const { question, caret } = accepted(model.draft, suggesting.token, item);
  const taken = { ...model, draft: question, caret, recalled: 0 };
  // `#file:` is followed by files; whatever else was taken is complete.
  return item.insert.endsWith(":") ? suggested(taken) : { ...taken, suggesting: null };
}
