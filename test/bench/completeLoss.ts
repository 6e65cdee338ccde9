/** How much likelier each context makes the rest of the line that was cut away. */
import type { Completer } from "../../extension/engine/completer.ts";
import { completionPrompt } from "../../extension/pipeline/completionPrompt.ts";
import type { BenchContext } from "./benchContext.ts";
import { differences, mean, questionInterval } from "./bootstrap.ts";
import type { CompleteCase, OpenedCase } from "./completeCases.ts";
import { completionContexts, contextNames, type ContextName, type ContextTools } from "./completeContexts.ts";
import { lookupFigures, type LookupFigures } from "./completeLookup.ts";
import { editSimilarity } from "./completions.ts";
import { intervalText } from "./report.ts";
import { trimCompletion } from "../../extension/pipeline/trimCompletion.ts";

interface LineFigures {
  /** −log p per token of the rest of the line, in nats. */
  readonly nats: number;
  readonly confidence: number;
  readonly exact: boolean;
  readonly similarity: number;
  readonly lookup: LookupFigures;
}

const noLookup: LookupFigures = { tokens: 0, steps: 0, drafted: 0, accepted: 0 };

/** The default budget and shares. */
const budgetTokens = 1024;
const shares = { prefix: 35, suffix: 15 } as const;
const stableTokens = 512;
const restTokensMax = 48;
const { signal } = new AbortController();

/** The rest of the line under each context, measured with one model. */
export class LossTable {
  readonly #kind: string;
  readonly #figures = new Map<ContextName, LineFigures[][]>(contextNames.map((name) => [name, []]));

  constructor(kind: string) {
    this.#kind = kind;
  }

  async add(
    cases: readonly { readonly found: CompleteCase; readonly opened: OpenedCase }[],
    {
      tools,
      completer,
      write,
    }: { readonly tools: ContextTools; readonly completer: Completer; readonly write: boolean },
  ): Promise<void> {
    for (const name of contextNames) {
      const group: LineFigures[] = [];
      for (const each of cases) group.push(await measure(name, each, tools, completer, write && writes(name)));
      this.#figures.get(name)?.push(group);
    }
  }

  report(context: BenchContext): unknown {
    const of = (name: ContextName, value: (figures: LineFigures) => number) =>
      (this.#figures.get(name) ?? []).map((group) => group.map(value));
    const nats = (name: ContextName) => of(name, (figures) => figures.nats);
    const rows = contextNames.map((name) => ({
      name,
      nats: mean(nats(name).flat()),
      againstNone: questionInterval(differences(nats(name), nats("none"))),
      precisAgainst: name === "precis" ? null : questionInterval(differences(nats("precis"), nats(name))),
      exact: writes(name) ? mean(of(name, ({ exact }) => Number(exact)).flat()) : null,
      similarity: writes(name) ? mean(of(name, ({ similarity }) => similarity).flat()) : null,
    }));
    const cases = nats("none").flat().length;
    context.report.table(
      `${this.#kind}: ${cases} rests of lines, ${stableTokens} tokens of context, nats per token`,
      ["context", "nats", "against none", "precis against it", "exact", "similarity"],
      rows.map((row) => [
        row.name,
        row.nats,
        intervalText(row.againstNone),
        row.precisAgainst === null ? "" : intervalText(row.precisAgainst),
        row.exact,
        row.similarity,
      ]),
    );
    return { kind: this.#kind, cases, rows, confidence: this.#confidence(context), lookup: this.#lookup(context) };
  }

  #lookup(context: BenchContext): unknown {
    const all = (this.#figures.get("precis") ?? []).flat().map(({ lookup }) => lookup);
    const total = (key: keyof LookupFigures) => all.reduce((sum, each) => sum + each[key], 0);
    const [tokens, steps, drafted, accepted] = [total("tokens"), total("steps"), total("drafted"), total("accepted")];
    context.report.line(
      `prompt lookup would write ${tokens} tokens in ${steps} steps (${(tokens / Math.max(1, steps)).toFixed(2)} per step); ` +
        `${accepted} of ${drafted} drafted tokens were right`,
    );
    return { tokens, steps, drafted, accepted };
  }

  /** What the mean probability of a suggestion's tokens says about it. */
  #confidence(context: BenchContext): unknown {
    const all = (this.#figures.get("precis") ?? []).flat();
    const rows = confidenceSteps.map((least) => {
      const shown = all.filter(({ confidence }) => confidence >= least);
      return {
        least,
        shown: shown.length / Math.max(1, all.length),
        exact: mean(shown.map(({ exact }) => Number(exact))),
        similarity: mean(shown.map(({ similarity }) => similarity)),
      };
    });
    context.report.table(
      `${this.#kind}: suggestions by their confidence`,
      ["at least", "shown", "exact", "similarity"],
      rows.map(({ least, shown, exact, similarity }) => [least.toFixed(1), shown, exact, similarity]),
    );
    return rows;
  }
}

const confidenceSteps = [0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const;

/** Lines are written after nothing and after our context only: it takes longer than all else. */
function writes(name: ContextName): boolean {
  return name === "none" || name === "precis";
}

async function measure(
  name: ContextName,
  { found, opened }: { readonly found: CompleteCase; readonly opened: OpenedCase },
  tools: ContextTools,
  completer: Completer,
  write: boolean,
): Promise<LineFigures> {
  const { path, before, after, rest, language } = found;
  const stable = completionContexts[name](found, opened, stableTokens, tools);
  const { format, counter, textOf } = completer;
  const prompt = completionPrompt({
    ...{ format, counter, textOf, path, before, after, startLine: 1, shares, stable, anchor: null },
    // Without a context the open file gets no more room than with one.
    budgetTokens: budgetTokens - stableTokens + stable.reduce((sum, { tokens }) => sum + tokens, 0),
  });
  await completer.read(completer.tokensOf(prompt.pieces), signal);
  const written = write
    ? await completer.write({ maxTokens: 40, signal, isDone: (text) => text.includes("\n") })
    : null;
  const target = completer.tokensOf([{ share: "prefix", text: rest, tokens: 0, reasons: [] }]).slice(0, restTokensMax);
  const logs = await completer.logProbabilities([...target], signal);
  const nats = -mean([...logs]);
  if (written === null) return { nats, confidence: 0, exact: false, similarity: 0, lookup: noLookup };
  const { text } = trimCompletion({
    ...{ text: written.text, before, after, mode: "line", syntax: opened.syntax, language, maxLines: 1 },
  });
  const probabilities = await completer.logProbabilities(written.tokens, signal);
  return {
    nats,
    confidence: mean([...probabilities].map(Math.exp)),
    exact: text.trim() === rest.trim(),
    similarity: editSimilarity(text, rest),
    lookup: lookupFigures([...completer.tokensOf(prompt.pieces)], written.tokens),
  };
}
