/**
 * What completions know of the rest of a repository, how much that helps, and how fast they are. Every repository is
 * indexed without the files that are cut.
 *
 *   --data DIR --checkouts DIR   the question sets' repositories, of which only the code is used
 *   --repositories A,B           only these
 *   --only recall,loss,speed     only these parts
 *   --cases N --loss-cases N     cuts per repository
 *   --model FILE                 a GGUF file instead of the embedded model
 *   --fit --more-repo DIR …      fit the weights of pipeline/completionValues.ts to these repositories instead
 *   --baseline FILE              write the figures there without the times, to see later changes as a diff
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { codeModelFile } from "../../extension/engine/codeModel.ts";
import { Completer } from "../../extension/engine/completer.ts";
import { Completions } from "../../extension/engine/completions.ts";
import { readFillInHeader } from "../../extension/engine/fillInHeader.ts";
import { Models } from "../../extension/engine/models.ts";
import { noFillIn } from "../../extension/pipeline/fillInFormat.ts";
import { defaultSettings } from "../../extension/protocol/settings.ts";
import { DocumentTrees } from "../../extension/syntax/documentTrees.ts";
import { BenchContext, benchFlags, benchOptions } from "./benchContext.ts";
import { cutPaths, namedCases, openCase, randomCases, type CompleteCase } from "./completeCases.ts";
import type { ContextTools } from "./completeContexts.ts";
import { fitCase, fitWeights, type FitCase } from "./completeFit.ts";
import { LossTable } from "./completeLoss.ts";
import { RecallTable } from "./completeRecall.ts";
import { measureSpeed } from "./completeSpeed.ts";
import { withIndex } from "./indexedFolder.ts";
import { withFiles } from "./maskedWorkspace.ts";
import { baselineText, Report } from "./report.ts";
import { readSourceFiles } from "./sourceFiles.ts";

const sections = ["recall", "loss", "speed"] as const;

const { values } = parseArgs({
  options: {
    ...benchFlags,
    only: { type: "string", default: sections.join(",") },
    repositories: { type: "string", default: "" },
    cases: { type: "string", default: "" },
    "loss-cases": { type: "string", default: "" },
    model: { type: "string", default: "" },
    baseline: { type: "string" },
    fit: { type: "boolean", default: false },
    "more-repo": { type: "string", multiple: true, default: [] },
  },
});

const context = new BenchContext(benchOptions(values), new Report((text) => process.stdout.write(text)));
const { quick, report } = context;
const wanted = new Set(values.only.split(","));
const casesMax = Number(values.cases) || (quick ? 4 : 30);
const lossCasesMax = Number(values["loss-cases"]) || (quick ? 2 : 6);
const speedCasesMax = quick ? 3 : 12;

const data = await context.benchData();
const chosen = values.repositories.split(",").filter((name) => name !== "");
const repositories = [
  ...(values.fit ? [] : (data?.repositories ?? [])).filter(({ name }) => chosen.length === 0 || chosen.includes(name)),
  ...values["more-repo"].map((folder) => ({ name: path.basename(folder), folder: path.resolve(folder) })),
];
const grammars = await context.grammars();
const trees = new DocumentTrees(context.options.root);
const completer = await openCompleter();
const recall = new RecallTable();
const named = new LossTable("Where another file's definition is named");
const anywhere = new LossTable("Anywhere in a function");
const fitCases: FitCase[] = [];
let speed: unknown = null;

for (const { name, folder } of repositories) {
  const files = await readSourceFiles(folder, grammars);
  const cases = await namedCases(name, files, grammars, casesMax);
  const cut = cutPaths(cases);
  const others = wanted.has("loss") && !values.fit ? await randomCases(name, files, grammars, lossCasesMax) : [];
  for (const { path: file } of others) cut.add(file);
  const needed = new Set(cases.map(({ definition }) => definition?.path));
  const left = files.filter((file) => !cut.has(file.path) || needed.has(file.path));
  await withFiles(left, (copy) =>
    withIndex({ folder: copy, root: context.options.root, encoder: null }, async ({ index }) => {
      const tools: ContextTools = {
        source: index,
        files: left,
        counter: completer.counter,
        format: completer.format,
        textOf: completer.textOf,
      };
      const open = (all: readonly CompleteCase[]) =>
        Promise.all(all.map(async (found) => ({ found, opened: await openCase(found, grammars, trees) })));
      const opened = await open(cases);
      if (values.fit) {
        for (const { found, opened: each } of opened) {
          const fitted = fitCase(found, each, index);
          if (fitted !== null) fitCases.push(fitted);
        }
        return;
      }
      if (wanted.has("recall")) recall.add(opened, tools);
      if (wanted.has("loss")) {
        await named.add(opened.slice(0, lossCasesMax), tools, completer);
        await anywhere.add(await open(others), tools, completer);
      }
      // One repository is enough to see what typing costs.
      if (wanted.has("speed") && speed === null && cases.length >= speedCasesMax) {
        speed = await speedOf(cases.slice(0, speedCasesMax), copy, index);
      }
    }),
  );
  report.line(`${name}: ${cases.length} named cuts, ${others.length} others`);
}
if (values.fit) {
  report.line(`weights fitted to ${fitCases.length} cuts:`);
  report.finish({ weights: fitWeights(fitCases) });
} else {
  const figures = {
    model: { name: completer.name, fillIn: completer.format.order },
    recall: wanted.has("recall") ? recall.report(context) : null,
    loss: wanted.has("loss") ? [named.report(context), anywhere.report(context)] : null,
  };
  if (values.baseline !== undefined) await writeFile(values.baseline, baselineText(figures));
  report.finish({ ...figures, speed });
}
await completer.close();
trees.dispose();

async function openCompleter(): Promise<Completer> {
  const llama = await context.llama();
  const isEmbedded = values.model === "";
  const file = isEmbedded ? codeModelFile(context.options.package) : path.resolve(values.model);
  const header = await readFillInHeader(file);
  const model = await llama.addon.openModel({ path: file, gpuLayers: llama.gpuLayers });
  return Completer.open({
    model,
    name: path.basename(file),
    role: isEmbedded ? "embedded" : "completer",
    header: isEmbedded ? { ...header, declared: header.declared ?? noFillIn } : header,
    contextTokens: 1024 + 128,
    threads: context.options.threads,
    kvType: "f16",
    closeModel: () => model.close(),
  });
}

async function speedOf(
  cases: readonly CompleteCase[],
  folder: string,
  index: ContextTools["source"] & { revision: number },
) {
  const settings = {
    ...defaultSettings,
    "engine.threads": context.options.threads,
    "engine.device": "cpu" as const,
    "model.completer": values.model === "" ? "" : path.resolve(values.model),
  };
  const root = context.options.package;
  const shared = { root, settings: () => settings, log: () => undefined };
  const models = new Models({ ...shared, gpu: "all", storageFolder: folder });
  const completions = new Completions({
    ...shared,
    models,
    grammars: () => Promise.resolve(grammars),
    index: () => Promise.resolve(index),
  });
  try {
    // The model is opened before anything is timed.
    const [first] = cases;
    if (first !== undefined) {
      await completions.complete(
        { ...first, startLine: 1, trigger: "explicit", maxTokens: 8 },
        new AbortController().signal,
      );
    }
    return await measureSpeed(context, cases, { completions, folder });
  } finally {
    await completions.close();
    await models.close();
  }
}
