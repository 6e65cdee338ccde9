import type { HostMessage, TurnView, ViewState } from "../protocol/view.ts";

/**
 * The smallest message that turns the state `before`, which the view has, into `after`; null where nothing changed. While
 * an answer is written, that is its new text alone.
 */
export function stateMessage(before: ViewState | null, after: ViewState): HostMessage | null {
  if (before === null || !isSameBesideTurns(before, after)) return { type: "state", state: after };
  const [old, turn] = [before.turns.at(-1), after.turns.at(-1)];
  const earlier = after.turns.slice(0, -1);
  const earlierBefore = old?.askId === turn?.askId ? before.turns.slice(0, -1) : before.turns;
  // Turns are never changed in place, so the same object says the same.
  const isSameEarlier =
    earlier.length === earlierBefore.length && earlier.every((one, place) => one === earlierBefore[place]);
  if (turn === undefined || !isSameEarlier) {
    const isSame = turn === undefined && old === undefined;
    return isSame ? null : { type: "state", state: after };
  }
  if (old === turn) return null;
  if (old !== undefined && isLonger(old, turn)) {
    return { type: "text", askId: turn.askId, at: old.text.length, text: turn.text.slice(old.text.length) };
  }
  return { type: "turn", turn };
}

function isSameBesideTurns(before: ViewState, after: ViewState): boolean {
  return after.history === before.history && restText(after) === restText(before);
}

function restText({ folder, notice, budget }: ViewState): string {
  const rest: Omit<ViewState, "turns" | "history"> = { folder, notice, budget };
  return JSON.stringify(rest);
}

/** Whether nothing but more text makes the difference. */
function isLonger(old: TurnView, turn: TurnView): boolean {
  if (!turn.text.startsWith(old.text)) return false;
  return JSON.stringify({ ...old, text: "" }) === JSON.stringify({ ...turn, text: "" });
}
