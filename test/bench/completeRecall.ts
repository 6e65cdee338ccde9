/** Does the context hold the definition of what is named at the cut? */
import { completionContexts, contextNames, type ContextName, type ContextTools } from "./completeContexts.ts";
import type { CompleteCase, OpenedCase } from "./completeCases.ts";
import type { BenchContext } from "./benchContext.ts";
import { differences, meanOfMeans, questionInterval } from "./bootstrap.ts";
import { intervalText } from "./report.ts";
import type { CompletionPiece } from "../../extension/protocol/complete.ts";
import type { Unit } from "../../extension/protocol/units.ts";

/** The first is what the embedded model gets by default, the second what others get. */
export const recallBudgets = [256, 512, 1024] as const;

/** Whether each context held the definition, by context, budget, repository and case. */
export class RecallTable {
  readonly #held = new Map<string, { found: CompleteCase; held: boolean }[][]>();
  /** Contexts that took more tokens than they may. */
  overBudget = 0;

  /** Measures the cases of one repository. */
  add(cases: readonly { readonly found: CompleteCase; readonly opened: OpenedCase }[], tools: ContextTools): void {
    for (const budget of recallBudgets) {
      for (const name of contextNames) {
        const group = cases.flatMap(({ found, opened }) => {
          if (found.definition === null) return [];
          const pieces = completionContexts[name](found, opened, budget, tools);
          if (pieces.reduce((sum, { tokens }) => sum + tokens, 0) > budget) this.overBudget += 1;
          return [{ found, held: holds(pieces, found.definition) }];
        });
        const key = `${name} ${budget}`;
        this.#held.set(key, [...(this.#held.get(key) ?? []), group]);
      }
    }
  }

  report(context: BenchContext): unknown {
    const groups = (name: ContextName, budget: number) => this.#held.get(`${name} ${budget}`) ?? [];
    const all = groups("precis", 1024).flat();
    const languages = [...new Set(all.map(({ found }) => found.language))].sort();
    const share = (rows: readonly { readonly held: boolean }[]) =>
      rows.reduce((sum, { held }) => sum + Number(held), 0) / Math.max(1, rows.length);
    const rows = recallBudgets.flatMap((budget) =>
      contextNames.map((name) => {
        const cases = groups(name, budget).flat();
        const values = groups(name, budget).map((group) => group.map(({ held }) => Number(held)));
        return {
          name,
          budget,
          recall: share(cases),
          ofRepositories: meanOfMeans(values),
          isNew: share(cases.filter(({ found }) => !found.isSeen)),
          byLanguage: Object.fromEntries(
            languages.map((language) => [language, share(cases.filter(({ found }) => found.language === language))]),
          ),
        };
      }),
    );
    context.report.table(
      `Definition recall: ${all.length} cuts at a name that another file defines`,
      ["context", "tokens", "recall", "mean of repositories", "name not seen before", ...languages],
      rows.map((row) => [
        row.name,
        row.budget,
        row.recall,
        row.ofRepositories,
        row.isNew,
        ...languages.map((language) => row.byLanguage[language] ?? null),
      ]),
    );
    const of = (name: ContextName) => rows.find((row) => row.name === name && row.budget === 1024)?.recall ?? 0;
    const better: ContextName = of("openTabs") >= of("ring") ? "openTabs" : "ring";
    const numbers = (name: ContextName) => groups(name, 1024).map((group) => group.map(({ held }) => Number(held)));
    const gained = questionInterval(differences(numbers("precis"), numbers(better)));
    context.report.line(
      `precis is ${(of("precis") / Math.max(1e-9, of(better))).toFixed(2)} times ${better}, ` +
        `${intervalText(gained)} at 1,024 tokens; over budget: ${this.overBudget}`,
    );
    const byRepository = new Map(
      groups("precis", 1024).map((group) => [group[0]?.found.repository ?? "", share(group)] as const),
    );
    return {
      cases: all.length,
      rows,
      better,
      gained,
      overBudget: this.overBudget,
      byRepository: Object.fromEntries(byRepository),
    };
  }
}

/** The line of the declaration that has the name, wherever it stands in the context. */
export function holds(pieces: readonly CompletionPiece[], definition: Unit): boolean {
  const line = definition.signature.split("\n").find((each) => each.includes(definition.name)) ?? definition.signature;
  const wanted = plain(line).replace(/\s*[{:(]$/, "");
  return plain(pieces.map(({ text }) => text).join("")).includes(wanted);
}

function plain(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
