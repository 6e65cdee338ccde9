/**
 * The whole recipe, step by step, from public repositories to model files:
 *
 *   node models/training/train.ts cpu|gpu [--work DIR] [--mirrors DIR] [--data DIR] [--checkouts DIR]
 *     [--python COMMAND] [--only STEP,…] [--list]
 *
 * --data and --checkouts name evaluation data, in the layout that bench:models reads, which must not be trained on.
 * A step that failed or was stopped is run again by itself with `--only`. Trained weights are continued unless their
 * checkpoints in the work folder are deleted.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";

const folder = import.meta.dirname;
const models = path.dirname(folder);

export interface Step {
  readonly name: string;
  /** Arguments of Node for .ts, of Python for .py. */
  readonly command: readonly string[];
}

/** Minutes of training per decoder, on two CPU cores and on a GPU. The static table counts steps: a few minutes. */
const minutes = {
  cpu: { likelihood: 120, code: 150 },
  gpu: { likelihood: 10, code: 25 },
} as const;
export type Machine = keyof typeof minutes;

export interface Folders {
  readonly work: string;
  /** Bare copies of the repositories; cloned where this is undefined. */
  readonly mirrors: string | undefined;
  /** Evaluation data and the repositories that it is about. */
  readonly data: string | undefined;
  readonly checkouts: string | undefined;
}

/** The steps in order. A GPU has room for the larger code model and for more tokens per step. */
export function recipe(machine: Machine, { work, mirrors, data: evaluation, checkouts }: Folders): Step[] {
  const time = minutes[machine];
  const data = (script: string, ...more: string[]): Step => ({
    name: path.basename(script, ".ts"),
    command: [script, "--work", work, ...more],
  });
  const code = machine === "gpu" ? "code-gpu" : "code";
  const batch = machine === "gpu" ? ["--batch", "65536"] : [];
  const matrices = machine === "gpu" ? ["--matrices", "q8_0"] : [];
  return [
    data("collect.ts", ...option("mirrors", mirrors)),
    ...(evaluation === undefined
      ? []
      : [data("leaks.ts", ...option("data", evaluation), ...option("checkouts", checkouts), "--remove")]),
    data("pairs.ts"),
    data("commits.ts", ...option("mirrors", mirrors)),
    data("bpe.ts"),
    data("packQuestions.ts"),
    data("packCode.ts"),
    {
      name: "static",
      command: ["static_table.py", "--work", work, "--out", path.join(models, "scorer", "static.bin")],
    },
    ...decoder("likelihood", time.likelihood, path.join(models, "scorer", "likelihood.gguf"), ["--matrices", "q8_0"]),
    ...decoder(code, time.code, path.join(models, "code", "code.gguf"), matrices),
  ];

  function decoder(name: string, length: number, file: string, format: readonly string[]): Step[] {
    return [
      { name, command: ["train_decoder.py", name, "--work", work, "--minutes", String(length), ...batch] },
      { name: `export-${name}`, command: ["export_decoder.py", name, "--work", work, "--out", file, ...format] },
    ];
  }
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`--${name}`, value];
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      work: { type: "string", default: ".cache/training" },
      mirrors: { type: "string" },
      data: { type: "string" },
      checkouts: { type: "string" },
      python: { type: "string", default: "python3" },
      only: { type: "string" },
      list: { type: "boolean", default: false },
    },
  });
  const machine = positionals[0];
  if (machine !== "cpu" && machine !== "gpu") {
    process.stderr.write("usage: node models/training/train.ts cpu|gpu [--work DIR] [--only STEP,…] [--list]\n");
    return 2;
  }
  const resolved = (folder: string | undefined) => (folder === undefined ? undefined : path.resolve(folder));
  const all = recipe(machine, {
    work: path.resolve(values.work),
    mirrors: resolved(values.mirrors),
    data: resolved(values.data),
    checkouts: resolved(values.checkouts),
  });
  const wanted = values.only?.split(",");
  const unknown = wanted?.filter((name) => !all.some((step) => step.name === name)) ?? [];
  if (unknown.length > 0) {
    process.stderr.write(`No such step: ${unknown.join(", ")}. Steps: ${all.map((step) => step.name).join(", ")}\n`);
    return 2;
  }
  for (const step of all) {
    if (wanted !== undefined && !wanted.includes(step.name)) continue;
    process.stdout.write(`${step.name}: ${step.command.join(" ")}\n`);
    if (values.list) continue;
    const [script = "", ...rest] = step.command;
    const program = script.endsWith(".py") ? values.python : process.execPath;
    const { status } = spawnSync(program, [path.join(folder, script), ...rest], { stdio: "inherit", env: trainingEnv });
    if (status !== 0) {
      process.stderr.write(`Step ${step.name} failed. Mend the cause and go on with --only.\n`);
      return 1;
    }
  }
  return 0;
}

/** Threads that wait must not spin beside others; large arrays are kept instead of given back and cleared again. */
const trainingEnv = {
  OMP_WAIT_POLICY: "passive",
  MALLOC_MMAP_THRESHOLD_: "4000000000",
  MALLOC_TRIM_THRESHOLD_: "8000000000",
  MALLOC_TOP_PAD_: "1000000000",
  ...process.env,
};

if (import.meta.main) process.exitCode = main();
