import { t } from "@vscode/l10n";
import type { BudgetShare } from "../protocol/view.ts";

/** What a part of the budget is spent on, in words. */
export function shareLabel(share: BudgetShare): string {
  return {
    system: t("System"),
    digest: t("Repository digest"),
    pinned: t("Pinned"),
    openFile: t("Open file"),
    retrieved: t("Retrieved"),
    history: t("History"),
    question: t("Question"),
    template: t("Chat format"),
    answerReserve: t("Answer reserve"),
    free: t("Free"),
  }[share];
}
