/** Part b: what the likelihood of a question under a unit tells at function level, and what it costs. */
import type { Unit } from "../../extension/protocol/units.ts";
import type { BenchContext } from "./benchContext.ts";
import { hasCorpus, readHeldOutUnits } from "./corpus.ts";
import { measureLikelihoodSpeed, measureStateSize } from "./likelihoodSpeed.ts";
import { needleRows, likelihoodGain, scoreNeedles, type ScoredNeedles } from "./needleRows.ts";
import { needleSet } from "./needles.ts";
import { intervalText } from "./report.ts";
import { isFunction, parseSourceFiles, readSourceFiles } from "./sourceFiles.ts";

interface UnitsOfRepository {
  readonly name: string;
  readonly language: string;
  readonly units: readonly Unit[];
}

export async function measureLikelihood(context: BenchContext): Promise<Record<string, unknown>> {
  // The rules of the scores were chosen on held-out repositories, so that those of the question sets tell what they are worth.
  const sets = { questionSets: await checkoutUnits(context), heldOut: await heldOutUnits(context) };
  const all = Object.values(sets).flat();
  if (all.length === 0) {
    context.report.skip("part b: neither checkouts nor held-out units");
    return {};
  }
  return {
    needles: {
      questionSets: await measureNeedles(context, "the question sets", sets.questionSets),
      heldOut: await measureNeedles(context, "the corpus, held out", sets.heldOut),
    },
    speed: await measureSpeed(context, all),
  };
}

async function measureNeedles(
  context: BenchContext,
  origin: string,
  repositories: readonly UnitsOfRepository[],
): Promise<unknown> {
  const { report, quick } = context;
  const limits = quick
    ? { needlesMin: 5, needlesMax: 8, candidatesMax: 60 }
    : { needlesMin: 8, needlesMax: 16, candidatesMax: 100 };
  const tools = { encoder: await context.encoder(), likelihood: await context.likelihood() };
  const scored: ScoredNeedles[] = [];
  for (const { name, language, units } of repositories) {
    const set = needleSet(units, limits, name);
    if (set === null) {
      report.line(`${name}: too few documented functions for needles`);
      continue;
    }
    const started = performance.now();
    scored.push(await scoreNeedles({ repository: name, language, set }, tools));
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    report.line(`${name}: ${set.questions.length} needles among ${set.units.length} functions, ${seconds} s`);
  }
  if (scored.length === 0) return null;
  const rows = needleRows(scored);
  const against = (base: string, row: (typeof rows)[number]) => {
    const compared = row.against[base];
    return compared === undefined ? "" : intervalText(compared.questions);
  };
  report.table(
    `b: docstring needles of ${scored.length} repositories of ${origin}, functions without documentation and name`,
    [
      "row",
      "MRR",
      "recall@1",
      "recall@10",
      "MRR against BM25",
      "against BM25 + static",
      "against likelihood",
      "weights",
    ],
    rows.map((row) => [
      row.row,
      row.mrr,
      row.recall1,
      row.recall10,
      against("BM25", row),
      against("BM25 + static", row),
      against("likelihood", row),
      row.chosen.map((weights) => `${weights.static}/${weights.likelihood}`).join(" "),
    ]),
  );
  const languages = Object.keys(rows[0]?.mrrByLanguage ?? {});
  const gain = likelihoodGain(scored);
  const shown = rows.filter(({ row }) => !row.includes(","));
  report.table(
    "b: by language: MRR; nats on the right unit and on a random one of the same repository",
    ["language", ...shown.map(({ row }) => row), "right", "random", "right above"],
    languages.map((language) => {
      const nats = gain?.byLanguage[language];
      const figures = nats === undefined ? [null, null, null] : [nats.right, nats.random, nats.rightAbove];
      return [language, ...shown.map(({ mrrByLanguage }) => mrrByLanguage[language] ?? null), ...figures];
    }),
  );
  if (gain !== null) {
    report.line(
      `b: ${gain.right.toFixed(2)} nats on the right unit, ${gain.random.toFixed(2)} on a random one, ` +
        `right above random in ${(100 * gain.rightAbove).toFixed(1)} % of pairs`,
    );
  }
  const needles = scored.reduce((sum, { bm25 }) => sum + bm25.length, 0);
  return { repositories: scored.map(({ repository }) => repository), needles, rows, gain };
}

async function measureSpeed(context: BenchContext, repositories: readonly UnitsOfRepository[]): Promise<unknown> {
  if ((await context.likelihood()) === null) return null;
  const llama = await context.llama();
  const units = repositories.flatMap((repository) => repository.units).filter(isFunction);
  const questions = ["where is the configuration read", "close idle connections", "parse the header of a request"];
  const asked = context.quick ? questions.slice(0, 1) : questions;
  const speed = await measureLikelihoodSpeed({ llama, root: context.options.package, units, questions: asked });
  const { cold, stored, cached } = speed;
  context.report.table(
    "b: seconds for the candidates of a new question with one thread, on the clock / of the processor",
    ["units", "nothing read yet", "units on disk", "units in memory"],
    [
      [
        speed.units,
        ...[cold, stored, cached].map(({ clock, processor }) => `${clock.toFixed(2)} / ${processor.toFixed(2)}`),
      ],
    ],
  );
  const state = await measureStateSize(llama, context.model("scorer", "likelihood.gguf"));
  context.report.line(
    `b: state of a unit at f16: ${state.bytesPerTokenByShape} bytes per token by the model's shape, ` +
      `${state.bytesPerTokenSaved.toFixed(0)} as llama.cpp saves it, ${state.bytesPerCell.toFixed(0)} per cell of its cache`,
  );
  return { seconds: speed, state };
}

async function checkoutUnits(context: BenchContext): Promise<UnitsOfRepository[]> {
  const data = await context.benchData();
  const grammars = await context.grammars();
  const repositories: UnitsOfRepository[] = [];
  for (const { name, language, folder } of data?.repositories ?? []) {
    const parsed = await parseSourceFiles(await readSourceFiles(folder, grammars), grammars);
    repositories.push({ name, language, units: parsed.flatMap((file) => file.units) });
  }
  return repositories;
}

async function heldOutUnits(context: BenchContext): Promise<UnitsOfRepository[]> {
  const { corpus } = context.options;
  if (!hasCorpus(corpus)) {
    context.report.skip(`needles in held-out repositories: no corpus in ${corpus}`);
    return [];
  }
  const repositories = await readHeldOutUnits(corpus);
  return repositories
    .slice(0, context.quick ? 3 : repositories.length)
    .map(({ name, language, records }) => ({ name, language, units: records }));
}
