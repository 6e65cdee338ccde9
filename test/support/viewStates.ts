/** States of the Ask view for tests. */
import type { TurnView, ViewState } from "../../extension/protocol/view.ts";

export function viewState(part: Partial<ViewState> = {}): ViewState {
  return { folder: "greenhouse", turns: [], notice: null, budget: null, history: [], ...part };
}

/** A finished turn, unless told otherwise. */
export function turnView(part: Partial<TurnView> = {}): TurnView {
  return {
    askId: "0",
    question: "why?",
    askedMs: 0,
    command: null,
    phase: "done",
    progress: null,
    found: [],
    text: "",
    citations: [],
    source: null,
    stopReason: null,
    figures: "",
    failure: null,
    ...part,
  };
}
