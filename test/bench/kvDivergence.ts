/** How far next-token distributions of a compressed cache are from those of the full one. */

/** Per token, in the order of the text. */
export interface Divergence {
  /** KL(full ‖ compressed) in nats. */
  readonly nats: readonly number[];
  /** 1 where both have the same likeliest token. */
  readonly agrees: readonly number[];
  /** Negative log-probability of the token that follows, compressed less full. */
  readonly lossChange: readonly number[];
  /** 1 where the compressed cache's likeliest token is the one that follows. */
  readonly hits: readonly number[];
}

/** Log-probabilities, `[token][vocabulary]`, of the tokens before each of `targets`. */
export class FullDistributions {
  readonly logProbabilities: Float32Array;
  readonly targets: Int32Array;
  readonly #probabilities: Float32Array;
  readonly #vocabulary: number;
  readonly #negativeEntropy: number[] = [];
  readonly #best: number[] = [];

  /** Throws RangeError where the sizes do not fit. */
  constructor(logProbabilities: Float32Array, targets: Int32Array) {
    if (targets.length === 0 || logProbabilities.length % targets.length !== 0) {
      throw new RangeError(`${logProbabilities.length} numbers for ${targets.length} tokens`);
    }
    this.logProbabilities = logProbabilities;
    this.targets = targets;
    this.#vocabulary = logProbabilities.length / targets.length;
    this.#probabilities = logProbabilities.map((value) => Math.exp(value));
    for (let token = 0; token < targets.length; token += 1) {
      const start = token * this.#vocabulary;
      let sum = 0;
      for (let at = start; at < start + this.#vocabulary; at += 1) {
        sum += (this.#probabilities[at] ?? 0) * (logProbabilities[at] ?? 0);
      }
      this.#negativeEntropy.push(sum);
      this.#best.push(largest(logProbabilities, start, this.#vocabulary));
    }
  }

  /** Mean negative log-probability of the targets, in nats. */
  get loss(): number {
    const sum = this.targets.reduce((total, _, at) => total - this.#targetLog(this.logProbabilities, at), 0);
    return sum / this.targets.length;
  }

  /** 1 for each target that is the likeliest token. */
  get hits(): readonly number[] {
    return this.#best.map((best, at) => Number(best === this.targets[at]));
  }

  /** Throws RangeError where the other one has another shape. */
  against(other: Float32Array): Divergence {
    if (other.length !== this.logProbabilities.length) {
      throw new RangeError(`${other.length} numbers against ${this.logProbabilities.length}`);
    }
    const divergence = { nats: [], agrees: [], lossChange: [], hits: [] } as Record<keyof Divergence, number[]>;
    for (const [token, best] of this.#best.entries()) {
      const start = token * this.#vocabulary;
      let cross = 0;
      for (let at = start; at < start + this.#vocabulary; at += 1) {
        cross += (this.#probabilities[at] ?? 0) * (other[at] ?? 0);
      }
      const otherBest = largest(other, start, this.#vocabulary);
      divergence.nats.push(Math.max(0, (this.#negativeEntropy[token] ?? 0) - cross));
      divergence.agrees.push(Number(otherBest === best));
      divergence.lossChange.push(this.#targetLog(this.logProbabilities, token) - this.#targetLog(other, token));
      divergence.hits.push(Number(otherBest === this.targets[token]));
    }
    return divergence;
  }

  #targetLog(values: Float32Array, token: number): number {
    return values[token * this.#vocabulary + (this.targets[token] ?? 0)] ?? 0;
  }
}

function largest(values: Float32Array, start: number, length: number): number {
  let best = 0;
  for (let at = 1; at < length; at += 1) {
    if ((values[start + at] ?? -Infinity) > (values[start + best] ?? -Infinity)) best = at;
  }
  return best;
}
