/** Earlier turns of the conversation, fitted into their share: whole, pruned to what matters, or the question alone. */
import type { ConversationTurn, Fidelity } from "../protocol/units.ts";
import { answerParts, partValuesOf } from "./answerParts.ts";
import type { AnswerPart } from "./answerParts.ts";
import type { TokenCounter } from "./ports.ts";
import { cleaned, quoted } from "./quotedText.ts";
import { questionStems } from "./relevance.ts";

/** A turn as the prompt shows it. */
export interface TurnText {
  /** `signature`: the question without its answer. */
  readonly fidelity: Fidelity;
  readonly text: string;
  readonly tokensSent: number;
  /** Tokens of the whole turn. */
  readonly tokensRaw: number;
}

export interface FittedHistory {
  /** Oldest first. */
  readonly turns: readonly TurnText[];
  /** How many older turns are not there, not even as their question. */
  readonly leftOut: number;
}

export interface HistoryRequest {
  /** Oldest first. */
  readonly history: readonly ConversationTurn[];
  /** What is asked now: sentences that share its rare words matter. */
  readonly question: string;
  readonly counter: TokenCounter;
  /** 0 or more. */
  readonly budgetTokens: number;
}

/** Stands for parts of an answer that are left out. */
const gapMark = "…";

/**
 * The newest turns that fit: first their questions, newest first, up to one that does not fit; what is left goes to their
 * answers, newest first, each whole or, where that is too long, as far as it matters. Never more than the budget.
 * Deterministic.
 */
export function fitHistory({ history, question, counter, budgetTokens }: HistoryRequest): FittedHistory {
  const writer = new TurnWriter(counter);
  const kept: { whole: TurnText; now: TurnText; at: number }[] = [];
  let left = budgetTokens;
  for (let at = history.length - 1; at >= 0; at -= 1) {
    const turn = history[at];
    if (turn === undefined) break;
    const whole = writer.whole(turn);
    const now = writer.questionAlone(turn, whole);
    if (now.tokensSent > left) break;
    left -= now.tokensSent;
    kept.push({ whole, now, at });
  }
  const answers = history.map(({ answer }) => answerParts(cleaned(answer)));
  const values = partValuesOf(answers, questionStems(question));
  const turns = kept.map(({ whole, now, at }): TurnText => {
    const room = left + now.tokensSent;
    const turn = history[at];
    if (turn === undefined || now.fidelity === "full") return now;
    const pruned = () => writer.pruned({ turn, whole, parts: answers[at] ?? [], values: values[at] ?? [], room });
    const better = whole.tokensSent <= room ? whole : (pruned() ?? now);
    left = room - better.tokensSent;
    return better;
  });
  return { turns: turns.reverse(), leftOut: history.length - turns.length };
}

interface PruneRequest {
  readonly turn: ConversationTurn;
  readonly whole: TurnText;
  readonly parts: readonly AnswerPart[];
  readonly values: readonly number[];
  /** Tokens. */
  readonly room: number;
}

/** Writes turns and counts what it has written. */
class TurnWriter {
  readonly #counter: TokenCounter;

  constructor(counter: TokenCounter) {
    this.#counter = counter;
  }

  whole({ question, answer }: ConversationTurn): TurnText {
    const text = `Question:\n${quoted(question)}\nAnswer:\n${quoted(answer)}\n\n`;
    const tokens = this.#counter.count(text);
    return { fidelity: "full", text, tokensSent: tokens, tokensRaw: tokens };
  }

  /** A turn whose answer is no longer than the words that say it is missing stays whole. */
  questionAlone({ question }: ConversationTurn, whole: TurnText): TurnText {
    const text = `Question, its answer is left out:\n${quoted(question)}\n\n`;
    const tokensSent = this.#counter.count(text);
    if (tokensSent >= whole.tokensSent) return whole;
    return { fidelity: "signature", text, tokensSent, tokensRaw: whole.tokensRaw };
  }

  /** Takes in one part after the other, most worth first, as long as they fit. Null where none does. */
  pruned({ turn, whole, parts, values, room }: PruneRequest): TurnText | null {
    const order = [...parts.keys()]
      .filter((at) => (values[at] ?? 0) > 0)
      .sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
    let chosen = new Set<number>();
    let best: TurnText | null = null;
    for (const at of order) {
      const more = new Set([...chosen, at]);
      const text = `Question:\n${quoted(turn.question)}\nAnswer, shortened:\n${quoted(joined(parts, more))}\n\n`;
      const tokensSent = this.#counter.count(text);
      if (tokensSent > room || tokensSent >= whole.tokensSent) continue;
      chosen = more;
      best = { fidelity: "pruned", text, tokensSent, tokensRaw: whole.tokensRaw };
    }
    return best;
  }
}

/** The chosen parts in order, with a mark on a line of its own where some are missing. */
function joined(parts: readonly AnswerPart[], chosen: ReadonlySet<number>): string {
  let text = "";
  let isGap = false;
  for (const [at, part] of parts.entries()) {
    if (chosen.has(at)) text += `${isGap ? `\n${gapMark}\n` : part.before}${part.text}`;
    isGap = !chosen.has(at);
  }
  return `${text}${isGap ? `\n${gapMark}` : ""}`.trim();
}
