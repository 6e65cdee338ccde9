import { t } from "@vscode/l10n";
import type { BudgetView } from "../extension/protocol/view.ts";
import { element } from "./dom.ts";
import { number } from "./l10n.ts";

/** How the budget is spent: a bar of the shares, and below it, when opened, their list. */
export class BudgetBar {
  readonly node = element("details", { class: "budget" });
  readonly #bar = element("div", { class: "budgetBar" });
  readonly #line = element("span", { class: "budgetLine" });
  readonly #list = element("ul", { class: "budgetShares" });
  #shown = "";

  constructor() {
    this.#bar.setAttribute("aria-hidden", "true");
    this.node.hidden = true;
    this.node.append(element("summary", {}, this.#line, this.#bar), this.#list);
  }

  render(budget: BudgetView | null): void {
    this.node.hidden = budget === null;
    const shown = JSON.stringify(budget);
    if (budget === null || shown === this.#shown) return;
    this.#shown = shown;
    const { budgetTokens, isPreview } = budget;
    const shares = budget.shares.filter(({ tokens }) => tokens > 0);
    const free = shares.find(({ share }) => share === "free")?.tokens ?? 0;
    const [used, all] = [number(budgetTokens - free), number(budgetTokens)];
    this.#line.textContent = isPreview ? t("Preview: {0} of {1} tokens", used, all) : t("{0} of {1} tokens", used, all);
    this.node.classList.toggle("preview", isPreview);
    this.#bar.replaceChildren(
      ...shares.map(({ share, label, tokens }) => {
        const segment = element("span", { class: `segment share-${share}`, title: `${label}: ${number(tokens)}` });
        // Widths of single tokens would not show.
        segment.style.flexGrow = String(tokens);
        return segment;
      }),
    );
    this.#list.replaceChildren(
      ...shares.map(({ share, label, tokens }) => {
        const percent = Math.round((100 * tokens) / Math.max(1, budgetTokens));
        const swatch = element("span", { class: `swatch share-${share}` });
        swatch.setAttribute("aria-hidden", "true");
        const figures = t("{0} tokens, {1} %", number(tokens), percent);
        return element(
          "li",
          {},
          swatch,
          element("span", { class: "shareLabel", text: label }),
          element("span", { class: "shareTokens", text: figures }),
        );
      }),
    );
  }
}
