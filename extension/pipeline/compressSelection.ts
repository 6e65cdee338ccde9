import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { DroppedUnit, Fidelity, RankedUnit, Unit, UnitReference } from "../protocol/units.ts";
import type { Compressed, CompressedUnit, CompressRequest } from "./compressRequest.ts";
import { compareIds } from "./pageRank.ts";
import { renderUnit, unitLines } from "./rendering.ts";

/** One way to show a unit. `lines` are lines of the unit, ascending. */
export interface Choice {
  readonly fidelity: Fidelity;
  readonly lines: readonly number[];
}

/** Tokens per character before anything was counted. */
const tokensPerCharacter = 0.3;
/** What is estimated at more than `hopeless` times the tokens left, and some, is not counted. */
const hopeless = 2;
const hopelessTokens = 100;
const notTried = sentence("not worth its tokens beside the others");
const alreadyShown = sentence("its lines are in the prompt already");

interface Entry extends Choice {
  readonly ranked: RankedUnit;
  /** What was asked for; `lines` are those of them that no smaller unit shows. */
  readonly wanted: Choice;
  /** Null while other units hold all of its lines. */
  readonly text: string | null;
  readonly tokens: number;
}

/**
 * Units chosen so far and the tokens they take: never more than the budget. A line that two of them share is shown by
 * the smaller one.
 */
export class Selection {
  readonly #request: CompressRequest;
  readonly #files = new Map<string, ReadonlyMap<string, Entry>>();
  readonly #missing = new Map<string, Sentence>();
  readonly #raw = new Map<string, number>();
  #countedCharacters = 0;
  #countedTokens = 0;
  #used = 0;

  constructor(request: CompressRequest) {
    this.#request = request;
  }

  get tokensLeft(): number {
    return this.#request.budgetTokens - this.#used;
  }

  /** Counted texts' mean; for costs that need not be exact. */
  get tokensPerCharacter(): number {
    return this.#countedCharacters === 0 ? tokensPerCharacter : this.#countedTokens / this.#countedCharacters;
  }

  /** Tokens of the whole unit on its own. */
  rawTokens(unit: Unit): number {
    const known = this.#raw.get(unit.id);
    if (known !== undefined) return known;
    const tokens = this.#count(renderUnit(unit, unitLines(unit), this.#request.omission(unit.language)) ?? "");
    this.#raw.set(unit.id, tokens);
    return tokens;
  }

  /** How the unit is shown now; null where it is not. */
  choiceOf(unit: Unit): Choice | null {
    return this.#files.get(unit.path)?.get(unit.id)?.wanted ?? null;
  }

  /** Adds the unit, or shows it in this way instead, if the budget allows. False where it does not. */
  tryAdd(ranked: RankedUnit, choice: Choice): boolean {
    const { unit } = ranked;
    const before = this.#files.get(unit.path) ?? new Map<string, Entry>();
    if (before.get(unit.id)?.wanted.lines.length === choice.lines.length || choice.lines.length === 0) return false;
    const share = choice.lines.length / Math.max(1, unitLines(unit).length);
    const about = Math.round(unit.text.length * share * this.tokensPerCharacter);
    // Counting tokens takes longer than everything else here.
    if (!before.has(unit.id) && about > hopeless * this.tokensLeft + hopelessTokens) {
      this.#missing.set(unit.id, sentence("needs about {0} tokens, {1} were left", about, this.tokensLeft));
      return false;
    }
    const others = [...before.values()].filter((entry) => entry.ranked.unit.id !== unit.id);
    const after = this.#renderFile([...others, { ranked, wanted: choice }], before, unit.path);
    if (after.get(unit.id)?.text === null) {
      if (!before.has(unit.id)) this.#missing.set(unit.id, alreadyShown);
      return false;
    }
    const change = sumTokens(after) - sumTokens(before);
    if (change > this.tokensLeft) {
      if (!before.has(unit.id)) {
        this.#missing.set(unit.id, sentence("needs {0} tokens, {1} were left", change, this.tokensLeft));
      }
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
        return [
          {
            ranked,
            fidelity,
            text,
            tokensSent: tokens,
            tokensRaw: Math.max(tokens, this.rawTokens(ranked.unit)),
            lines,
          },
        ];
      })
      .sort(inFileOrder);
    const dropped = this.#request.ranked
      .filter((ranked) => !shown.has(ranked.unit.id))
      .map((ranked): DroppedUnit => {
        const why = this.#missing.get(ranked.unit.id) ?? notTried;
        return { unit: unitReference(ranked.unit), score: ranked.score, tokensRaw: this.#estimate(ranked.unit), why };
      });
    return { kept, dropped, tokensSent: this.#used };
  }

  /** The chosen units of one file: each leaves out the lines of smaller ones. Those that stay as they were are not rendered again. */
  #renderFile(
    chosen: readonly Pick<Entry, "ranked" | "wanted">[],
    before: ReadonlyMap<string, Entry>,
    path: string,
  ): Map<string, Entry> {
    const claimed = new Set(this.#request.taken?.get(path) ?? []);
    const entries = new Map<string, Entry>();
    const bySize = [...chosen].sort(
      (a, b) => unitSize(a.ranked.unit) - unitSize(b.ranked.unit) || compareIds(a.ranked.unit.id, b.ranked.unit.id),
    );
    for (const { ranked, wanted } of bySize) {
      const { unit } = ranked;
      const lines = wanted.lines.filter((line) => !claimed.has(line));
      const known = before.get(unit.id);
      const same = known?.wanted === wanted && known.lines.length === lines.length;
      entries.set(unit.id, same ? known : this.#render(ranked, wanted, lines));
      for (const line of lines) claimed.add(line);
    }
    return entries;
  }

  #render(ranked: RankedUnit, wanted: Choice, lines: readonly number[]): Entry {
    const { unit } = ranked;
    const text = renderUnit(unit, lines, this.#request.omission(unit.language));
    const { fidelity } = wanted;
    return { ranked, wanted, fidelity, lines, text, tokens: text === null ? 0 : this.#count(text) };
  }

  #count(text: string): number {
    const tokens = this.#request.counter.count(text);
    this.#countedCharacters += text.length;
    this.#countedTokens += tokens;
    return tokens;
  }

  /** Counting everything that is left out would take longer than choosing. */
  #estimate(unit: Unit): number {
    return this.#raw.get(unit.id) ?? Math.max(1, Math.round(unit.text.length * this.tokensPerCharacter));
  }
}

/** Enough of a unit to show and open it. */
export function unitReference(unit: Unit): UnitReference {
  const { id, path, kind, name, qualifiedName, startLine, endLine } = unit;
  return { id, path, kind, name, qualifiedName, startLine, endLine };
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
