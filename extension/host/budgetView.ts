import { t } from "@vscode/l10n";
import { shares } from "../protocol/units.ts";
import type { Prompt } from "../protocol/units.ts";
import type { BudgetShare, BudgetView } from "../protocol/view.ts";
import { number } from "./numberText.ts";
import { shareLabel } from "./shareLabels.ts";

/** How a prompt fills its budget: its shares, the answer's reserve and what is free add up to it. */
export function budgetView(prompt: Prompt, isPreview: boolean): BudgetView {
  const entry = (share: BudgetShare, tokens: number) => ({ share, label: shareLabel(share), tokens });
  const spent = shares.map((share) => {
    const ofShare = prompt.pieces.filter((piece) => piece.share === share);
    return entry(share, share === "answerReserve" ? prompt.answerReserveTokens : tokensSent(ofShare));
  });
  return {
    budgetTokens: prompt.budgetTokens,
    isPreview,
    shares: [...spent, entry("free", freeTokens(prompt))].filter(({ tokens }) => tokens > 0),
  };
}

/** Tokens of the budget that neither the prompt takes nor the answer's reserve. */
export function freeTokens({ budgetTokens, answerReserveTokens, tokensSent: sent }: Prompt): number {
  return Math.max(0, budgetTokens - answerReserveTokens - sent);
}

/** For the Context view's title line: how full the budget is. */
export function budgetLine(prompt: Prompt, isPreview: boolean): string {
  const room = number(prompt.budgetTokens - prompt.answerReserveTokens);
  const line = t("{0} → {1} of {2} tokens", number(prompt.tokensRaw), number(prompt.tokensSent), room);
  return isPreview ? t("preview: {0}", line) : line;
}

function tokensSent(pieces: Prompt["pieces"]): number {
  return pieces.reduce((sum, piece) => sum + piece.tokensSent, 0);
}
