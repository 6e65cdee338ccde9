import { randomUUID } from "node:crypto";
import { t } from "@vscode/l10n";
import { Failure } from "../protocol/failure.ts";
import type { SlashCommandName } from "../protocol/slashCommands.ts";
import type { Answer, AnswerFigures, RankedUnit } from "../protocol/units.ts";
import type { CitationView, TurnView } from "../protocol/view.ts";
import { failureView } from "./failureView.ts";
import { decimal, number } from "./numberText.ts";

/** Units that are shown while there is no answer yet. */
const foundShown = 5;

export interface NewTurn {
  readonly question: string;
  readonly askedMs: number;
  readonly command: SlashCommandName | null;
  readonly phase: TurnView["phase"];
}

export function newTurn({ question, askedMs, command, phase }: NewTurn): TurnView {
  return {
    askId: randomUUID(),
    question,
    askedMs,
    command,
    phase,
    progress: null,
    found: [],
    text: "",
    citations: [],
    source: null,
    stopReason: null,
    figures: "",
    failure: null,
  };
}

/** What an answer changes of its turn. */
export function ofAnswer({ text, citations, source, stopReason, figures }: Answer): Partial<TurnView> {
  return { text, citations, source, stopReason, figures: figuresLine(figures) };
}

/** The best of what was ranked. */
export function foundViews(ranked: readonly RankedUnit[]): readonly CitationView[] {
  return ranked.slice(0, foundShown).map(({ unit: { path, startLine, endLine, qualifiedName } }) => {
    return { path, startLine, endLine, name: qualifiedName, resolved: true };
  });
}

/** What nobody answers any more: `stopped` by the user, or `interrupted` with its window. */
export function closedTurn(turn: TurnView, why: "stopped" | "interrupted"): TurnView {
  if (turn.phase === "done") return turn;
  const closed = { ...turn, phase: "done", progress: null, found: [] } as const;
  return why === "stopped"
    ? { ...closed, stopReason: "cancelled" }
    : { ...closed, failure: failureView(new Failure("answerInterrupted")) };
}

function figuresLine(figures: AnswerFigures): string {
  const { tokensRaw, tokensSent, tokensReused, tokensLoaded } = figures;
  const { tokensWritten, readTokensPerSecond, writeTokensPerSecond } = figures;
  const ms = figures.indexMs + figures.rankMs + figures.promptMs + figures.loadMs + figures.readMs + figures.writeMs;
  const parts = [t("{0} → {1} tokens", whole(tokensRaw), whole(tokensSent))];
  if (tokensReused > 0) {
    parts.push(
      tokensLoaded > 0
        ? t("{0} reused ({1} from disk)", whole(tokensReused), whole(tokensLoaded))
        : t("{0} reused", whole(tokensReused)),
    );
  }
  if (readTokensPerSecond > 0) parts.push(t("read {0} tokens/s", whole(readTokensPerSecond)));
  if (tokensWritten > 0) parts.push(t("wrote {0} at {1} tokens/s", whole(tokensWritten), whole(writeTokensPerSecond)));
  parts.push(t("{0} s", decimal(ms / 1000, 1)));
  return parts.join(" · ");
}

function whole(value: number): string {
  return number(Math.round(value));
}
