/**
 * A run of positions that was compressed, or loaded as it was stored. Where its cells are fewer than its tokens, there is
 * nothing to cut it at but its beginning.
 */
export interface SealedRange {
  /** Positions; `to` is exclusive. */
  readonly from: number;
  readonly to: number;
  readonly cells: number;
  /** How it was compressed. */
  readonly recipe: string;
}

/** Which tokens the cells of a sequence stand for. A position is a token's place in the text, whatever was evicted. */
export class CachedTokens {
  readonly #tokens: number[] = [];
  /** Ascending and disjoint. What is cut partly is sealed no more. */
  readonly #sealed: SealedRange[] = [];

  /** Tokens, which is also the next position. */
  get length(): number {
    return this.#tokens.length;
  }

  /** Cells that the first `length` tokens take. No sealed range may be cut by it. */
  cells(length = this.length): number {
    const saved = this.#sealed.filter(({ to }) => to <= length);
    return saved.reduce((sum, { from, to, cells }) => sum - (to - from) + cells, length);
  }

  get sealed(): readonly SealedRange[] {
    return this.#sealed;
  }

  /** True where a sealed range lies between the two positions, or partly does. */
  isSealed(from: number, to: number): boolean {
    return this.#sealed.some((range) => range.from < to && range.to > from);
  }

  /** Whether everything from this position on can be cut off. */
  canCutAt(position: number): boolean {
    return !this.#sealed.some((range) => isSmaller(range) && range.from < position && position < range.to);
  }

  /**
   * Length of the longest beginning that can stay for `tokens`, at most `limit`: of ranges with fewer cells than tokens,
   * only whole ones of the same recipe.
   */
  reusable(tokens: Int32Array, recipe: string, limit = tokens.length): number {
    const end = Math.min(this.#tokens.length, tokens.length, limit);
    let length = 0;
    while (length < end && this.#tokens[length] === tokens[length]) length += 1;
    for (const range of this.#sealed.filter(isSmaller)) {
      if (range.from < length && (range.to > length || range.recipe !== recipe)) return range.from;
    }
    return length;
  }

  /** Forgets everything from this position on. Throws RangeError within a sealed range. */
  cut(position: number): void {
    if (!this.canCutAt(position)) throw new RangeError(`position ${position} lies within a compressed segment`);
    if (position < this.#tokens.length) this.#tokens.length = position;
    const left = this.#sealed.filter(({ to }) => to <= position);
    this.#sealed.length = left.length;
  }

  append(tokens: Int32Array): void {
    for (const token of tokens) this.#tokens.push(token);
  }

  /** Appends tokens that are held in `cells` cells, at most one for each. */
  appendSealed(tokens: Int32Array, cells: number, recipe: string): void {
    const from = this.#tokens.length;
    this.append(tokens);
    if (tokens.length > 0) this.#sealed.push({ from, to: this.#tokens.length, cells, recipe });
  }

  slice(from: number, to: number): Int32Array {
    return Int32Array.from(this.#tokens.slice(from, to));
  }
}

function isSmaller({ from, to, cells }: SealedRange): boolean {
  return cells < to - from;
}
