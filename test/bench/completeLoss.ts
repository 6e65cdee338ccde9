/** How much likelier each context makes the rest of the line that was cut away. */
import { draftTokensMax, type Completer, type WrittenText } from "../../extension/engine/completer.ts";
import { keptLogs } from "../../extension/engine/completions.ts";
import { completionPrompt, stableTokensMax } from "../../extension/pipeline/completionPrompt.ts";
import { trimCompletion } from "../../extension/pipeline/trimCompletion.ts";
import type { BenchContext } from "./benchContext.ts";
import { differences, mean, meanOfMeans, questionInterval, type Groups } from "./bootstrap.ts";
import type { CompleteCase, OpenedCase } from "./completeCases.ts";
import { completionContexts, type ContextName, type ContextTools } from "./completeContexts.ts";
import { editSimilarity } from "./completions.ts";
import { intervalText } from "./report.ts";

interface LineFigures {
  /** −log p per token of the rest of the line, in nats. */
  readonly nats: number;
  readonly written: WrittenFigures | null;
}

interface WrittenFigures {
  readonly confidence: number;
  readonly exact: boolean;
  readonly similarity: number;
  /** What was written with and without drafts, and the processor time of each in milliseconds. */
  readonly drafts: Pick<WrittenText, "steps" | "drafted" | "accepted"> & {
    readonly tokens: number;
    readonly isSame: boolean;
    readonly ms: number;
    readonly plainMs: number;
  };
}

/** A context, and how many tokens of the prompt are its. */
interface LossRow {
  readonly name: ContextName;
  readonly tokens: number;
}

/** The default budget and shares. What a context does not take is the open file's. */
const budgetTokens = 1024;
const shares = { prefix: 35, suffix: 15 } as const;
/** What the product gives the embedded model, and what others get. */
const productTokens = stableTokensMax(budgetTokens, "embedded");
const rows: readonly LossRow[] = [
  { name: "none", tokens: 0 },
  ...[productTokens, budgetTokens / 2].flatMap((tokens) =>
    (["openTabs", "ring", "precis"] as const).map((name) => ({ name, tokens })),
  ),
];
const none = 0;
const product = rows.findIndex(({ name }) => name === "precis");
const restTokensMax = 48;
const writtenTokensMax = 40;
const { signal } = new AbortController();

/** The rest of the line under each context, measured with one model. */
export class LossTable {
  readonly #kind: string;
  /** By row, repository and case. */
  readonly #figures: LineFigures[][][] = rows.map(() => []);

  constructor(kind: string) {
    this.#kind = kind;
  }

  async add(
    cases: readonly { readonly found: CompleteCase; readonly opened: OpenedCase }[],
    tools: ContextTools,
    completer: Completer,
  ): Promise<void> {
    for (const [at, row] of rows.entries()) {
      const group: LineFigures[] = [];
      for (const each of cases) group.push(await measure(row, each, tools, completer, at === none || at === product));
      this.#figures[at]?.push(group);
    }
  }

  report(context: BenchContext): unknown {
    const nats = (at: number): Groups => (this.#figures[at] ?? []).map((group) => group.map((figures) => figures.nats));
    const written = (at: number): WrittenFigures[] =>
      (this.#figures[at] ?? []).flat().flatMap((figures) => figures.written ?? []);
    const table = rows.map(({ name, tokens }, at) => ({
      ...{ name, tokens, nats: meanOfMeans(nats(at)) },
      againstNone: at === none ? null : questionInterval(differences(nats(at), nats(none))),
      precisAgainst: at === product ? null : questionInterval(differences(nats(product), nats(at))),
      exact: written(at).length === 0 ? null : mean(written(at).map(({ exact }) => Number(exact))),
      similarity: written(at).length === 0 ? null : mean(written(at).map(({ similarity }) => similarity)),
    }));
    const cases = nats(none).flat().length;
    context.report.table(
      `${this.#kind}: ${cases} rests of lines, prompts of ${budgetTokens} tokens, nats per token, mean of repositories`,
      ["context", "its tokens", "nats", "against none", `precis, ${productTokens}, against it`, "exact", "similarity"],
      table.map((row) => [
        row.name,
        row.tokens,
        row.nats,
        row.againstNone === null ? "" : intervalText(row.againstNone),
        row.precisAgainst === null ? "" : intervalText(row.precisAgainst),
        row.exact,
        row.similarity,
      ]),
    );
    const all = written(product);
    return {
      kind: this.#kind,
      cases,
      rows: table,
      confidence: this.#confidence(all, context),
      drafts: draftsOf(all, context),
    };
  }

  /** What the mean probability of a suggestion's tokens says about it. */
  #confidence(all: readonly WrittenFigures[], context: BenchContext): unknown {
    const steps = confidenceSteps.map((least) => {
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
      steps.map(({ least, shown, exact, similarity }) => [least.toFixed(2), shown, exact, similarity]),
    );
    return steps;
  }
}

const confidenceSteps = [0, 0.3, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9] as const;

/** What writing by drafts saves; the times are of one run, and only their ratio means something. */
function draftsOf(all: readonly WrittenFigures[], context: BenchContext): unknown {
  const total = (value: (figures: WrittenFigures["drafts"]) => number): number =>
    all.reduce((sum, { drafts }) => sum + value(drafts), 0);
  const tokens = total((each) => each.tokens);
  const [steps, drafted, accepted] = [
    total((each) => each.steps),
    total((each) => each.drafted),
    total((each) => each.accepted),
  ];
  const same = total(({ isSame }) => Number(isSame));
  const ratio =
    total(({ ms }) => ms) /
    Math.max(
      1e-9,
      total(({ plainMs }) => plainMs),
    );
  context.report.line(
    `with drafts ${tokens} tokens in ${steps} steps (${(tokens / Math.max(1, steps)).toFixed(2)} per step), ` +
      `${accepted} of ${drafted} drafted tokens right, ${ratio.toFixed(2)} of the time without, ` +
      `the same tokens in ${same} of ${all.length}`,
  );
  return { tokens, steps, drafted, accepted, same, timeRatio: ratio };
}

async function measure(
  row: LossRow,
  { found, opened }: { readonly found: CompleteCase; readonly opened: OpenedCase },
  tools: ContextTools,
  completer: Completer,
  write: boolean,
): Promise<LineFigures> {
  const { path, before, after, rest } = found;
  const stable = completionContexts[row.name](found, opened, row.tokens, tools);
  const { format, counter, textOf } = completer;
  const prompt = completionPrompt({
    ...{ format, counter, textOf, path, before, after, startLine: 1, shares, stable, anchor: null, budgetTokens },
  });
  const tokens = completer.tokensOf(prompt.pieces);
  const written = write ? await writtenAfter(tokens, { found, opened }, completer) : null;
  await completer.read(tokens, signal);
  const target = completer.tokensOf([{ share: "prefix", text: rest, tokens: 0, reasons: [] }]).slice(0, restTokensMax);
  return { nats: -mean([...(await completer.logProbabilities([...target], signal))]), written };
}

async function writtenAfter(
  prompt: Int32Array,
  { found: { before, after, rest, language }, opened }: { readonly found: CompleteCase; readonly opened: OpenedCase },
  completer: Completer,
): Promise<WrittenFigures> {
  const timed = async (draftTokens: number): Promise<{ written: WrittenText; ms: number }> => {
    await completer.read(prompt, signal);
    const start = process.cpuUsage();
    const options = { maxTokens: writtenTokensMax, signal, isDone: (text: string) => text.includes("\n"), draftTokens };
    const written = await completer.write(options);
    const { user, system } = process.cpuUsage(start);
    return { written, ms: (user + system) / 1000 };
  };
  const plain = await timed(0);
  const { written, ms } = await timed(draftTokensMax);
  const { text } = trimCompletion({
    ...{ text: written.text, before, after, mode: "line", syntax: opened.syntax, language, maxLines: 1 },
  });
  const { steps, drafted, accepted } = written;
  const isSame = written.tokens.join() === plain.written.tokens.join();
  return {
    confidence: mean(keptLogs(written, text).map(Math.exp)),
    exact: text !== "" && text.trim() === rest.trim(),
    similarity: editSimilarity(text, rest),
    drafts: { steps, drafted, accepted, tokens: written.tokens.length, isSame, ms, plainMs: plain.ms },
  };
}
