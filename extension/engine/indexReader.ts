/** Reads an index. Everything is synchronous; what is costly is kept until the index changes. */
import type { DatabaseSync } from "node:sqlite";
import { RecentMap } from "../base/recentMap.ts";
import { fields } from "../pipeline/ports.ts";
import type { CorpusStatistics, Field, ReferenceGraph, StaticVectors, UnitSource } from "../pipeline/ports.ts";
import { holdsLine, isSameFile } from "../pipeline/namedPlaces.ts";
import { isBelow } from "../pipeline/staticScores.ts";
import { packBags, PackedBags, type WordBag } from "../pipeline/wordBags.ts";
import type { FileProblem, Unit, UnitKind } from "../protocol/units.ts";
import { graphCache } from "./graphCache.ts";
import { prepareReads } from "./indexReads.ts";
import { rowsPerFile } from "./indexSchema.ts";
import { decodeSentence, ordinalOf, unitOf, unpackText } from "./parseRecord.ts";
import type { SteppedCache } from "./steppedCache.ts";
import type { Turns } from "./turns.ts";
import { vectorCache } from "./vectorCache.ts";

/** Weights of `fields` in the word search; the ranker weighs again with the units at hand. */
const searchWeights: Readonly<Record<Field, number>> = { path: 2, name: 3, signature: 1, doc: 1.5, body: 1 };
/** Words of a search beyond this, the commonest first, are left out: each adds all its units to the work. */
const searchWordsMax = 64;
/** A word in more of the units than this finds nothing that others do not. */
const commonShareMax = 0.5;
/** Texts of files kept split into lines, and words of files kept as stored: about 20 MB. */
const textsKeptMax = 1024;
const wordBagsKeptMax = 1024;
/** Units kept put together: those of the last twenty or so questions. */
const unitsKeptMax = 6000;
const statisticsKeptMax = 64;

export interface FileText {
  readonly path: string;
  readonly language: string;
  readonly lines: readonly string[];
}

export interface PrepareOptions {
  readonly turns: Turns;
  readonly signal: AbortSignal;
  /** Whether to stop for now. */
  readonly isPaused: () => boolean;
}

interface UnitRow {
  readonly file: number;
  readonly ordinal: number;
  readonly kind: UnitKind;
  readonly name: string;
  readonly qualifiedName: string;
  readonly ranges: string;
  readonly signature: string;
  readonly doc: string;
  readonly mentions: string;
}

export class IndexReader implements UnitSource {
  readonly #database: DatabaseSync;
  readonly #reads: ReturnType<typeof prepareReads>;
  readonly #graph: SteppedCache<ReferenceGraph>;
  readonly #vectors: SteppedCache<StaticVectors | null>;
  /** The state that the values below belong to. */
  #revision = 0;
  readonly #statistics = new RecentMap<string, CorpusStatistics>(statisticsKeptMax);
  readonly #files = new RecentMap<string, StoredFile | null>(textsKeptMax);
  readonly #units = new RecentMap<string, Unit | null>(unitsKeptMax);
  readonly #wordBags = new RecentMap<string, PackedBags>(wordBagsKeptMax);

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#reads = prepareReads(database);
    this.#graph = graphCache(this.#reads, () => this.revision);
    this.#vectors = vectorCache(this.#reads, () => this.revision);
  }

  /**
   * Makes graph and vectors for the index as it is now, in slices. Returns false where it was paused before the end.
   * Throws the signal's reason.
   */
  async prepare({ turns, signal, isPaused }: PrepareOptions): Promise<boolean> {
    for (const cache of [this.#graph, this.#vectors]) {
      while (!cache.step()) {
        if (isPaused()) return false;
        await turns.give(signal);
      }
    }
    return true;
  }

  /** Raised with every change of content, by whichever process. */
  get revision(): number {
    return Number(this.#reads.revision.get()?.["value"] ?? 0);
  }

  statistics(root: string): CorpusStatistics {
    this.#refresh();
    return this.#statistics.of(root, () => {
      const row = root === "" ? this.#reads.totals.get() : this.#reads.totalsBelow.get(`${root}/`, `${root}0`);
      const units = Number(row?.["units"] ?? 0);
      const mean = (at: number): number => (units === 0 ? 0 : Number(row?.[`words${at}`] ?? 0) / units);
      const meanLength = Object.fromEntries(fields.map((field, at) => [field, mean(at)])) as Record<Field, number>;
      return { units, meanLength };
    });
  }

  documentFrequency(words: readonly string[]): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const word of words) {
      const row = this.#reads.documentFrequency.get(word);
      if (row !== undefined) found.set(word, Number(row["doc"]));
    }
    return found;
  }

  searchWords(words: readonly string[], limit: number, root: string): readonly string[] {
    const wanted = this.#searchable(words);
    if (wanted.length === 0 || limit < 1) return [];
    const match = wanted.map((word) => `"${word.replaceAll('"', '""')}"`).join(" OR ");
    const weights = fields.map((field) => searchWeights[field]);
    return this.#snapshot(() => {
      const rows =
        root === ""
          ? this.#reads.search.all(...weights, match, limit)
          : this.#reads.searchBelow.all(...weights, match, `${root}/`, `${root}0`, limit);
      // Equal scores by id: the order must not depend on which file was indexed first.
      return rows
        .map((row) => ({ id: this.#idOfRow(Number(row["rowid"])), score: Number(row["score"]) }))
        .sort((a, b) => a.score - b.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
        .map(({ id }) => id);
    });
  }

  unitsNamed(names: readonly string[], limit: number, root: string): readonly string[] {
    const lowered = [...new Set(names.map((name) => name.toLowerCase()))];
    const ids = lowered.flatMap((name) =>
      this.#reads.named.all(name, `${root}/`, `${root}0`, root === "" ? 1 : 0, limit).map(idOf),
    );
    return ids.slice(0, limit);
  }

  unitsInPaths(suffixes: readonly string[], limit: number, root: string): readonly string[] {
    const ids = new Set<string>();
    for (const suffix of suffixes) {
      const wanted = suffix.toLowerCase();
      const last = wanted.slice(wanted.lastIndexOf("/") + 1);
      const files = this.#reads.filesNamed.all(last, last) as unknown as { id: number; path: string }[];
      for (const { id, path } of files) {
        if (!endsWithPath(path.toLowerCase(), wanted)) continue;
        if (root !== "" && !path.startsWith(`${root}/`)) continue;
        const first = id * rowsPerFile;
        const rows = this.#reads.rowsOfFile.all(first, first + rowsPerFile - 1, limit);
        for (const row of rows) ids.add(`${path}#${Number(row["id"]) - first}`);
        if (ids.size >= limit) return [...ids].slice(0, limit);
      }
    }
    return [...ids];
  }

  unitsAtLines(lines: readonly { readonly path: string; readonly line: number }[], root: string): readonly string[] {
    const ids = new Set<string>();
    for (const { path: named, line } of lines) {
      const last = named.slice(named.lastIndexOf("/") + 1);
      const files = this.#reads.filesNamed.all(last, last) as unknown as { path: string }[];
      for (const { path } of files) {
        if (!isBelow(path, root) || !isSameFile(path, named)) continue;
        for (const unit of this.unitsOfFile(path)) if (holdsLine(unit, line)) ids.add(unit.id);
      }
    }
    return [...ids];
  }

  units(ids: readonly string[]): readonly Unit[] {
    return this.#snapshot(() => {
      return ids.map((id) => this.#units.of(id, () => this.#unit(id))).filter((unit) => unit !== null);
    });
  }

  wordBags(units: readonly Unit[]): readonly WordBag[] {
    return this.#snapshot(() => {
      return units.map(({ id, path }) => {
        const bags = this.#wordBags.of(path, () => {
          const stored = this.#reads.wordBagsOfFile.get(path)?.["bags"];
          return new PackedBags(stored instanceof Uint8Array ? stored : packBags([]));
        });
        return bags.bag(ordinalOf(id));
      });
    });
  }

  /** At once where `prepare` was called before. */
  graph(): ReferenceGraph {
    return this.#snapshot(() => this.#graph.finish());
  }

  /** At once where `prepare` was called before. */
  staticVectors(): StaticVectors | null {
    return this.#snapshot(() => this.#vectors.finish());
  }

  /** Text and language of an indexed file, as it was indexed; null where it is not. */
  file(path: string): FileText | null {
    return this.#snapshot(() => {
      const file = this.#file(path);
      return file === null ? null : file.text;
    });
  }

  /** Units of a file in order; empty where it is not indexed. */
  unitsOfFile(path: string): readonly Unit[] {
    return this.#snapshot(() => {
      const file = this.#file(path);
      if (file === null) return [];
      const first = file.id * rowsPerFile;
      const rows = this.#reads.unitsOfFile.all(first, first + rowsPerFile - 1) as unknown as (UnitRow & {
        id: number;
      })[];
      return rows.map((row) => unitFrom({ ...row, ordinal: row.id - first }, file.text));
    });
  }

  /** By path and line, at most `limit`. */
  problems(limit: number): readonly FileProblem[] {
    return this.#reads.problems.all(limit).map((row) => ({
      path: String(row["path"]),
      line: Number(row["line"]),
      message: decodeSentence(String(row["message"])),
    }));
  }

  #searchable(words: readonly string[]): string[] {
    const distinct = [...new Set(words)].filter((word) => word !== "");
    const { units } = this.statistics("");
    const frequencies = this.documentFrequency(distinct);
    const found = distinct.filter((word) => (frequencies.get(word) ?? 0) > 0);
    const telling = found.filter((word) => (frequencies.get(word) ?? 0) <= units * commonShareMax);
    const kept = telling.length > 0 ? telling : found;
    if (kept.length <= searchWordsMax) return kept;
    return kept.sort((a, b) => (frequencies.get(a) ?? 0) - (frequencies.get(b) ?? 0)).slice(0, searchWordsMax);
  }

  /** Forgets what belongs to another state of the index. */
  #refresh(): void {
    const revision = this.revision;
    if (revision === this.#revision) return;
    this.#revision = revision;
    for (const kept of [this.#statistics, this.#files, this.#units, this.#wordBags]) kept.clear();
  }

  /** All reads of `work` see one state, whatever another process commits meanwhile, and so does what was kept. */
  #snapshot<T>(work: () => T): T {
    const read = (): T => {
      this.#refresh();
      return work();
    };
    if (this.#database.isTransaction) return read();
    this.#database.exec("BEGIN");
    try {
      return read();
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  #idOfRow(row: number): string {
    const ordinal = row % rowsPerFile;
    return `${String(this.#reads.pathOfFile.get((row - ordinal) / rowsPerFile)?.["path"])}#${ordinal}`;
  }

  #unit(id: string): Unit | null {
    const file = this.#file(id.slice(0, Math.max(0, id.lastIndexOf("#"))));
    if (file === null) return null;
    const row = this.#reads.unit.get(file.id * rowsPerFile + ordinalOf(id));
    if (row === undefined) return null;
    return unitFrom({ ...(row as unknown as UnitRow), ordinal: ordinalOf(id) }, file.text);
  }

  #file(path: string): StoredFile | null {
    return this.#files.of(path, () => {
      const row = this.#reads.file.get(path);
      if (row === undefined) return null;
      const id = Number(row["id"]);
      const packed = this.#reads.textOfFile.get(id)?.["text"];
      const lines = packed instanceof Uint8Array ? linesOf(unpackText(packed)) : [];
      return { id, text: { path, language: String(row["language"]), lines } };
    });
  }
}

interface StoredFile {
  readonly id: number;
  readonly text: FileText;
}

function unitFrom(row: UnitRow, file: FileText): Unit {
  return unitOf({ ...row, references: row.mentions }, file);
}

function idOf(row: Record<string, unknown>): string {
  return `${String(row["path"])}#${Number(row["ordinal"])}`;
}

/** Whether the path ends with these whole segments, with or without its extension. */
function endsWithPath(path: string, suffix: string): boolean {
  const stem = path.replace(/\.[^./]*$/, "");
  return [path, stem].some((whole) => whole === suffix || whole.endsWith(`/${suffix}`));
}

/** Without the empty line after a final newline. */
function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
