/** How the methods score cells: one function each, [KV head][cell], the larger the rather it stays. */

/** What is known about one layer. Rows are [KV head][cell]. */
export interface LayerSeen {
  readonly kvHeads: number;
  readonly cells: number;
  /** Per KV head. */
  readonly keySize: number;
  /** [cell][KV head][key size]; empty unless needed. */
  readonly keys: Float32Array;
  /** [KV head][cell]; empty unless needed. Cells of the window itself have infinite attention. */
  readonly attention: Float32Array;
}

/** The later, the better: together with the sinks, which always stay, StreamingLLM (arXiv 2309.17453). */
export function recent({ kvHeads, cells }: LayerSeen): Float32Array {
  return Float32Array.from({ length: kvHeads * cells }, (_, at) => at % cells);
}

/** By nothing but the cell's place; the same in every run. */
export function pseudoRandom({ kvHeads, cells }: LayerSeen): Float32Array {
  return Float32Array.from({ length: kvHeads * cells }, (_, at) => hash(at % cells));
}

/**
 * How little a key resembles the mean direction of all keys: keys that are like many others can be spared (KeyDiff, arXiv
 * 2504.15364).
 */
export function keyDifference({ kvHeads, cells, keySize, keys }: LayerSeen): Float32Array {
  const scores = new Float32Array(kvHeads * cells);
  for (let head = 0; head < kvHeads; head += 1) {
    const keyOf = (cell: number): Float32Array => {
      const start = (cell * kvHeads + head) * keySize;
      return keys.subarray(start, start + keySize);
    };
    const anchor = new Float64Array(keySize);
    for (let cell = 0; cell < cells; cell += 1) {
      const key = keyOf(cell);
      const length = Math.sqrt(product(key, key)) || 1;
      for (let at = 0; at < keySize; at += 1) anchor[at] = (anchor[at] ?? 0) + (key[at] ?? 0) / length;
    }
    const anchorLength = Math.sqrt(product(anchor, anchor)) || 1;
    for (let cell = 0; cell < cells; cell += 1) {
      const key = keyOf(cell);
      const length = Math.sqrt(product(key, key)) || 1;
      scores[head * cells + cell] = -product(key, anchor) / (length * anchorLength);
    }
  }
  return scores;
}

/** Attention as it was observed: the maximum over a second reading (KVzip, arXiv 2505.23416), or a window's mean. */
export function observedAttention({ attention }: LayerSeen): Float32Array {
  return attention;
}

/** As SnapKV (arXiv 2404.14469) does it: neighbours of a cell that is looked at stay with it. */
export function pooledAttention({ kvHeads, cells, attention }: LayerSeen): Float32Array {
  const pooled = new Float32Array(kvHeads * cells);
  for (let head = 0; head < kvHeads; head += 1) {
    const row = attention.subarray(head * cells, (head + 1) * cells);
    for (let cell = 0; cell < cells; cell += 1) {
      const near = row.subarray(Math.max(0, cell - poolReach), cell + poolReach + 1).filter(Number.isFinite);
      const mean = near.reduce((sum, value) => sum + value, 0) / Math.max(1, near.length);
      pooled[head * cells + cell] = row[cell] === Infinity ? Infinity : mean;
    }
  }
  return pooled;
}

/** Cells to each side: pools of five, as in SnapKV's code. */
const poolReach = 2;

function product(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}

/** Between 0 and 1; Steele and Vigna's mixing of 32 bits. */
function hash(value: number): number {
  let mixed = (value + 0x9e3779b9) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
}
