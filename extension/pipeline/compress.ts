/** Compression: ranked units into a token budget. `compressors` is the table of methods. */
import type { DroppedUnit, Fidelity, RankedUnit, Unit, UnitReference } from "../protocol/units.ts";
import { compareIds } from "./pageRank.ts";
import type { TokenCounter } from "./ports.ts";
import { keptLines, renderUnit } from "./rendering.ts";

/** A unit that takes more of the budget than this waits until smaller ones had their turn. */
const largeUnitShare = 0.5;

export interface CompressRequest {
  /** Best first; ids distinct. */
  readonly ranked: readonly RankedUnit[];
  readonly counter: TokenCounter;
  /** The line comment of a language, for omission marks. */
  readonly omission: (language: string) => string;
  /** 0 or more. */
  readonly budgetTokens: number;
  /** Lines by path that stand in the prompt already and are not repeated. */
  readonly taken?: ReadonlyMap<string, ReadonlySet<number>>;
}

export interface CompressedUnit {
  readonly ranked: RankedUnit;
  readonly fidelity: Fidelity;
  /** What stands in the prompt; see `renderUnit`. */
  readonly text: string;
  readonly tokensSent: number;
  /** Tokens of the whole unit. */
  readonly tokensRaw: number;
  /** The lines of the file that stand in `text`. */
  readonly lines: readonly number[];
}

export interface Compressed {
  /** In file order: by path, then by first line. No line of a file is in two of them. */
  readonly kept: readonly CompressedUnit[];
  readonly dropped: readonly DroppedUnit[];
  /** Sum over `kept`; never more than the budget. */
  readonly tokensSent: number;
}

export type Compressor = (request: CompressRequest) => Compressed;

export const compressorNames = ["none", "signatures", "mixed"] as const;
export type CompressorName = (typeof compressorNames)[number];

export const compressors: Readonly<Record<CompressorName, Compressor>> = {
  /** Whole units in ranked order, as many as fit. */
  none(request) {
    const selection = new Selection(request);
    for (const ranked of request.ranked) selection.tryAdd(ranked, "full");
    return selection.result();
  },
  /** Declarations only; units without one as a whole. */
  signatures(request) {
    const selection = new Selection(request);
    for (const ranked of request.ranked) selection.tryAdd(ranked, hasSignature(ranked.unit) ? "signature" : "full");
    return selection.result();
  },
  /** Whole units in ranked order; declarations of those that do not fit; then whole again while there is room. */
  mixed(request) {
    const selection = new Selection(request);
    const large = request.ranked.length > 1 ? request.budgetTokens * largeUnitShare : request.budgetTokens;
    for (const ranked of request.ranked) {
      const full = selection.rawTokens(ranked.unit) <= large && selection.tryAdd(ranked, "full");
      if (!full && hasSignature(ranked.unit)) selection.tryAdd(ranked, "signature");
    }
    for (const ranked of request.ranked) selection.tryAdd(ranked, "full");
    return selection.result();
  },
};

/** Enough of a unit to show and open it. */
export function unitReference(unit: Unit): UnitReference {
  const { id, path, kind, name, qualifiedName, startLine, endLine } = unit;
  return { id, path, kind, name, qualifiedName, startLine, endLine };
}

function hasSignature(unit: Unit): boolean {
  return keptLines(unit, "signature").length > 0;
}

interface Entry {
  readonly ranked: RankedUnit;
  readonly fidelity: Fidelity;
  /** Null while other units hold all of its lines. */
  readonly text: string | null;
  readonly tokens: number;
  readonly lines: readonly number[];
}

/** Units chosen so far and the tokens they take. A line that two of them share is shown by the smaller one. */
class Selection {
  readonly #request: CompressRequest;
  readonly #files = new Map<string, ReadonlyMap<string, Entry>>();
  readonly #raw = new Map<string, number>();
  readonly #missing = new Map<string, string>();
  #used = 0;

  constructor(request: CompressRequest) {
    this.#request = request;
  }

  /** Tokens of the whole unit on its own. */
  rawTokens(unit: Unit): number {
    const known = this.#raw.get(unit.id);
    if (known !== undefined) return known;
    const text = renderUnit(unit, { fidelity: "full", lineComment: this.#request.omission(unit.language) }) ?? "";
    const tokens = this.#request.counter.count(text);
    this.#raw.set(unit.id, tokens);
    return tokens;
  }

  /** Adds the unit, or raises it to this fidelity, if the budget allows. False where it does not or nothing changes. */
  tryAdd(ranked: RankedUnit, fidelity: Fidelity): boolean {
    const { unit } = ranked;
    const before = this.#files.get(unit.path) ?? new Map<string, Entry>();
    if (before.get(unit.id)?.fidelity === fidelity || before.get(unit.id)?.fidelity === "full") return false;
    const chosen = [...before.values()].filter((entry) => entry.ranked.unit.id !== unit.id);
    const after = this.#renderFile([...chosen, { ranked, fidelity }], unit.path);
    if (after.get(unit.id)?.text === null) {
      if (!before.has(unit.id)) this.#missing.set(unit.id, "its lines are in the prompt already");
      return false;
    }
    const left = this.#request.budgetTokens - this.#used;
    const change = sumTokens(after) - sumTokens(before);
    if (change > left) {
      if (!before.has(unit.id)) this.#missing.set(unit.id, `needs ${change} tokens, ${left} were left`);
      return false;
    }
    this.#files.set(unit.path, after);
    this.#used += change;
    return true;
  }

  result(): Compressed {
    const entries = [...this.#files.values()].flatMap((file) => [...file.values()]);
    const shown = new Set(entries.filter((entry) => entry.text !== null).map((entry) => entry.ranked.unit.id));
    const kept = entries
      .flatMap((entry): CompressedUnit[] => {
        if (entry.text === null) return [];
        const { ranked, fidelity, text, tokens, lines } = entry;
        const tokensRaw = Math.max(tokens, this.rawTokens(ranked.unit));
        return [{ ranked, fidelity, text, tokensSent: tokens, tokensRaw, lines }];
      })
      .sort(inFileOrder);
    const dropped = this.#request.ranked
      .filter((ranked) => !shown.has(ranked.unit.id))
      .map((ranked): DroppedUnit => {
        const why = this.#missing.get(ranked.unit.id) ?? "its lines are in the prompt already";
        return { unit: unitReference(ranked.unit), score: ranked.score, tokensRaw: this.rawTokens(ranked.unit), why };
      });
    return { kept, dropped, tokensSent: this.#used };
  }

  /** Renders the chosen units of one file anew: each leaves out the lines of smaller ones. */
  #renderFile(
    chosen: readonly { readonly ranked: RankedUnit; readonly fidelity: Fidelity; readonly text?: string | null }[],
    path: string,
  ): Map<string, Entry> {
    const claimed = new Set(this.#request.taken?.get(path) ?? []);
    const entries = new Map<string, Entry>();
    const bySize = chosen
      .map(({ ranked, fidelity }) => ({ ranked, fidelity, lines: keptLines(ranked.unit, fidelity) }))
      .sort(
        (a, b) => unitSize(a.ranked.unit) - unitSize(b.ranked.unit) || compareIds(a.ranked.unit.id, b.ranked.unit.id),
      );
    for (const { ranked, fidelity, lines } of bySize) {
      const own = lines.filter((line) => !claimed.has(line));
      const text = this.#render(ranked.unit, fidelity, own.length === lines.length ? null : claimed);
      entries.set(ranked.unit.id, { ranked, fidelity, lines: own, text, tokens: this.#count(ranked.unit, text) });
      for (const line of own) claimed.add(line);
    }
    return entries;
  }

  #render(unit: Unit, fidelity: Fidelity, excluded: ReadonlySet<number> | null): string | null {
    const lineComment = this.#request.omission(unit.language);
    return renderUnit(unit, { fidelity, lineComment, ...(excluded === null ? {} : { excluded }) });
  }

  readonly #counted = new Map<string, { text: string; tokens: number }>();

  /** Most units of a file stay as they are when another comes in; only what changed is counted again. */
  #count(unit: Unit, text: string | null): number {
    if (text === null) return 0;
    const known = this.#counted.get(unit.id);
    if (known?.text === text) return known.tokens;
    const tokens = this.#request.counter.count(text);
    this.#counted.set(unit.id, { text, tokens });
    return tokens;
  }
}

/** Lines from first to last: a class is larger than its methods although it holds fewer lines. */
function unitSize(unit: Unit): number {
  return unit.endLine - unit.startLine;
}

function sumTokens(entries: ReadonlyMap<string, Entry>): number {
  let sum = 0;
  for (const entry of entries.values()) sum += entry.tokens;
  return sum;
}

function inFileOrder(a: CompressedUnit, b: CompressedUnit): number {
  const [first, second] = [a.ranked.unit, b.ranked.unit];
  return (
    compareIds(first.path, second.path) ||
    first.startLine - second.startLine ||
    first.endLine - second.endLine ||
    compareIds(first.id, second.id)
  );
}
