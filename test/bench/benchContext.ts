/** What the parts of the model benchmark share: where data and models are, and how much to measure. */
import { existsSync } from "node:fs";
import path from "node:path";
import { openGrammars, type Grammars } from "../../extension/engine/grammars.ts";
import { openLikelihoodScorer, type OpenedLikelihoodScorer } from "../../extension/engine/likelihood.ts";
import { openLlama, type Llama } from "../../extension/engine/llama.ts";
import { loadStaticTable, type TableEncoder } from "../../extension/engine/staticTable.ts";
import { readBenchData, type BenchData } from "./rankingData.ts";
import type { Report } from "./report.ts";

export interface BenchOptions {
  /** Precis' package folder: grammars, libraries. */
  readonly root: string;
  /** Folder that holds models/; the package folder, unless other models are to be measured. */
  readonly package: string;
  readonly data: string;
  readonly checkouts: string;
  /** The recipe's work folder. */
  readonly corpus: string;
  /** A small part of everything, to see that it runs. */
  readonly quick: boolean;
  /** Of llama.cpp where time is not what is measured. */
  readonly threads: number;
  readonly ngramTokens: number;
  /** A GGUF file instead of the embedded likelihood scorer; empty: that one; `none`: without one. */
  readonly scorer: string;
}

const packageFolder = path.resolve(import.meta.dirname, "../..");

/** What every benchmark on the question sets takes on its command line, for `parseArgs`. */
export const benchFlags = {
  quick: { type: "boolean", default: false },
  data: { type: "string", default: path.join(packageFolder, "..", "shared", "bench") },
  checkouts: { type: "string", default: path.join(packageFolder, ".cache", "checkouts") },
  package: { type: "string", default: packageFolder },
  threads: { type: "string", default: "1" },
} as const;

/** Throws RangeError where `threads` is no whole number above 0. */
export function benchOptions(
  values: { readonly [flag in "data" | "checkouts" | "package" | "threads"]: string } & { readonly quick: boolean },
  more: Partial<Pick<BenchOptions, "corpus" | "ngramTokens" | "scorer">> = {},
): BenchOptions {
  const threads = Number(values.threads);
  if (!Number.isInteger(threads) || threads < 1) throw new RangeError("--threads takes a whole number above 0");
  return {
    root: packageFolder,
    package: path.resolve(values.package),
    data: path.resolve(values.data),
    checkouts: path.resolve(values.checkouts),
    quick: values.quick,
    threads,
    corpus: "",
    ngramTokens: 0,
    scorer: "",
    ...more,
  };
}

/** Opens what is asked for once; what is missing is null, and the report says so once. */
export class BenchContext {
  readonly options: BenchOptions;
  readonly report: Report;
  readonly #opened = new Map<string, Promise<unknown>>();

  constructor(options: BenchOptions, report: Report) {
    this.options = options;
    this.report = report;
  }

  get quick(): boolean {
    return this.options.quick;
  }

  /**
   * Where time is measured. On a machine that is busy otherwise, a second thread of llama.cpp makes it hundreds of times
   * slower, so the quick run does without.
   */
  get threadCounts(): readonly number[] {
    return this.quick ? [1] : [1, 2];
  }

  /** Path of a file of models/, whether it exists or not. */
  model(...parts: string[]): string {
    return path.join(this.options.package, "models", ...parts);
  }

  llama(): Promise<Llama> {
    return this.#once("llama", () => openLlama({ root: this.options.root, device: "cpu" }));
  }

  grammars(): Promise<Grammars> {
    return this.#once("grammars", () => openGrammars({ root: this.options.root }));
  }

  encoder(): Promise<TableEncoder | null> {
    return this.#once("encoder", async () => {
      const file = this.model("scorer", "static.bin");
      if (existsSync(file)) return loadStaticTable(file);
      this.report.skip(`everything with the static table: ${file} does not exist`);
      return null;
    });
  }

  /** With room for all candidates of a needle. */
  likelihood(): Promise<OpenedLikelihoodScorer | null> {
    return this.#once("likelihood", async () => {
      const { package: folder, root, threads, scorer } = this.options;
      if (scorer === "none") return null;
      const llama = await this.llama();
      if (scorer !== "") return openLikelihoodScorer({ llama, root, file: path.resolve(scorer), threads });
      const file = this.model("scorer", "likelihood.gguf");
      if (existsSync(file)) return openLikelihoodScorer({ llama, root: folder, threads, cachedUnits: 220 });
      this.report.skip(`everything with the likelihood model: ${file} does not exist`);
      return null;
    });
  }

  /** Null where the data or every checkout is missing. */
  benchData(): Promise<BenchData | null> {
    return this.#once("benchData", async () => {
      const { data, checkouts } = this.options;
      if (!existsSync(path.join(data, "repositories.json"))) {
        this.report.skip(`rows on the question sets: no repositories.json in ${data}`);
        return null;
      }
      const read = await readBenchData(data, checkouts);
      if (read.missing.length > 0)
        this.report.skip(`repositories without a checkout in ${checkouts}: ${read.missing.join(", ")}`);
      const repositories = this.quick
        ? read.repositories.filter(({ name }) => quickRepositories.has(name))
        : read.repositories;
      return repositories.length === 0 ? null : { ...read, repositories };
    });
  }

  async close(): Promise<void> {
    const scorer = await (this.#opened.get("likelihood") as Promise<OpenedLikelihoodScorer | null> | undefined);
    await scorer?.close();
  }

  #once<T>(name: string, open: () => Promise<T>): Promise<T> {
    const known = this.#opened.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const opened = open();
    this.#opened.set(name, opened);
    return opened;
  }
}

/** Small ones, of different languages. */
const quickRepositories: ReadonlySet<string> = new Set(["redux", "express", "flask", "cobra"]);
