/**
 * A second, independent forward pass for models of the architecture llama: plain loops in double precision, written to
 * be compared with, not to be fast. Each KV head has a cache of its own, so heads may hold different tokens.
 */
import { readGgufMetadata, readGgufTensors, writeGguf } from "./gguf.ts";

/** Keys (rotated) and values of one KV head, in the order in which they were added. */
export interface ReferenceHead {
  readonly keys: Float64Array[];
  readonly values: Float64Array[];
}

/** [layer][KV head] */
export type ReferenceCache = ReferenceHead[][];

export interface ReferenceStep {
  readonly logits: Float64Array;
  /** Rotated, [layer][head]. */
  readonly queries: Float64Array[][];
  /** [layer][head][cell]; the last cell is the token itself. */
  readonly attention: Float64Array[][];
}

/** Writes a model of f16 and f32 weights with all weights as f32: llama.cpp then rounds nothing to f16 on the way. */
export async function writeSinglePrecision(source: string, file: string): Promise<void> {
  const [metadata, tensors] = await Promise.all([readGgufMetadata(source), readGgufTensors(source)]);
  const singles = [...tensors].map(([name, { shape, values }]) => ({
    name,
    shape,
    type: "f32" as const,
    data: () => new Uint8Array(values.buffer),
  }));
  await writeGguf(file, metadata, singles);
}

/** Natural logarithm of the softmax. */
export function logSoftmax(logits: Float64Array): Float64Array {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = logits.reduce((partial, logit) => partial + Math.exp(logit - highest), 0);
  return logits.map((logit) => logit - highest - Math.log(total));
}

interface Matrix {
  readonly columns: number;
  readonly rows: number;
  readonly values: Float32Array;
}

interface Layer {
  readonly attentionNorm: Matrix;
  readonly query: Matrix;
  readonly key: Matrix;
  readonly value: Matrix;
  readonly attentionOutput: Matrix;
  readonly feedForwardNorm: Matrix;
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
}

export class ReferenceDecoder {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly #layers: readonly Layer[];
  readonly #embedding: Matrix;
  readonly #outputNorm: Matrix;
  readonly #output: Matrix;
  readonly #epsilon: number;
  readonly #ropeBase: number;

  /** Throws for files that are not of the architecture llama, or have other tensors than f32 and f16. */
  static async open(file: string): Promise<ReferenceDecoder> {
    const [metadata, tensors] = await Promise.all([readGgufMetadata(file), readGgufTensors(file)]);
    if (metadata.get("general.architecture")?.value !== "llama") throw new Error(`${file} is not a llama model`);
    const number = (key: string, otherwise?: number): number => {
      const value = metadata.get(`llama.${key}`)?.value ?? otherwise;
      if (typeof value !== "number") throw new Error(`${file} has no ${key}`);
      return value;
    };
    const matrices = new Map(
      [...tensors].map(([name, { shape, values }]) => [
        name,
        { columns: shape[0] ?? 1, rows: shape[1] ?? 1, values } satisfies Matrix,
      ]),
    );
    return new ReferenceDecoder(number, matrices);
  }

  private constructor(number: (key: string, otherwise?: number) => number, tensors: ReadonlyMap<string, Matrix>) {
    const tensor = (name: string): Matrix => {
      const found = tensors.get(name);
      if (found === undefined) throw new Error(`there is no tensor ${name}`);
      return found;
    };
    this.layers = number("block_count");
    this.heads = number("attention.head_count");
    this.kvHeads = number("attention.head_count_kv", this.heads);
    this.headSize = number("embedding_length") / this.heads;
    if (number("rope.dimension_count", this.headSize) !== this.headSize) throw new Error("part of a head is rotated");
    this.#epsilon = number("attention.layer_norm_rms_epsilon");
    this.#ropeBase = number("rope.freq_base", 10000);
    this.#embedding = tensor("token_embd.weight");
    this.#outputNorm = tensor("output_norm.weight");
    this.#output = tensors.get("output.weight") ?? this.#embedding;
    this.#layers = Array.from({ length: this.layers }, (_, layer) => ({
      attentionNorm: tensor(`blk.${layer}.attn_norm.weight`),
      query: tensor(`blk.${layer}.attn_q.weight`),
      key: tensor(`blk.${layer}.attn_k.weight`),
      value: tensor(`blk.${layer}.attn_v.weight`),
      attentionOutput: tensor(`blk.${layer}.attn_output.weight`),
      feedForwardNorm: tensor(`blk.${layer}.ffn_norm.weight`),
      gate: tensor(`blk.${layer}.ffn_gate.weight`),
      up: tensor(`blk.${layer}.ffn_up.weight`),
      down: tensor(`blk.${layer}.ffn_down.weight`),
    }));
  }

  emptyCache(): ReferenceCache {
    return Array.from({ length: this.layers }, () =>
      Array.from({ length: this.kvHeads }, () => ({ keys: [], values: [] })),
    );
  }

  /** Reads one token that sees all of the cache and itself, and adds it to the cache. */
  step(cache: ReferenceCache, token: number, position: number): ReferenceStep {
    let state: Float64Array = Float64Array.from(rowOf(this.#embedding, token));
    const queries: Float64Array[][] = [];
    const attention: Float64Array[][] = [];
    for (const [index, layer] of this.#layers.entries()) {
      const input = this.#normalized(state, layer.attentionNorm);
      const layerQueries = this.#split(product(layer.query, input)).map((query) => this.#rotated(query, position));
      const keys = this.#split(product(layer.key, input)).map((key) => this.#rotated(key, position));
      const values = this.#split(product(layer.value, input));
      const heads = cache[index] ?? [];
      for (const [head, { keys: oldKeys, values: oldValues }] of heads.entries()) {
        oldKeys.push(at(keys, head));
        oldValues.push(at(values, head));
      }
      const output = new Float64Array(this.heads * this.headSize);
      const layerAttention = layerQueries.map((query, head) => {
        const { keys: seenKeys, values: seenValues } = at(heads, Math.floor((head * this.kvHeads) / this.heads));
        const shares = softmax(seenKeys.map((key) => dot(query, key) / Math.sqrt(this.headSize)));
        for (const [cell, share] of shares.entries()) {
          for (const [i, value] of at(seenValues, cell).entries()) {
            const target = head * this.headSize + i;
            output[target] = (output[target] ?? 0) + share * value;
          }
        }
        return shares;
      });
      queries.push(layerQueries);
      attention.push(layerAttention);
      state = sum(state, product(layer.attentionOutput, output));
      const forward = this.#normalized(state, layer.feedForwardNorm);
      const up = product(layer.up, forward);
      const gated = product(layer.gate, forward).map((gate, i) => (gate / (1 + Math.exp(-gate))) * (up[i] ?? 0));
      state = sum(state, product(layer.down, gated));
    }
    return { logits: product(this.#output, this.#normalized(state, this.#outputNorm)), queries, attention };
  }

  #split(vector: Float64Array): Float64Array[] {
    return Array.from({ length: vector.length / this.headSize }, (_, head) =>
      vector.slice(head * this.headSize, (head + 1) * this.headSize),
    );
  }

  /** Rotary embedding over neighbouring pairs (Su et al., 2021, arXiv 2104.09864). */
  #rotated(vector: Float64Array, position: number): Float64Array {
    const result = new Float64Array(vector.length);
    for (let i = 0; i < vector.length; i += 2) {
      const angle = position * this.#ropeBase ** (-i / vector.length);
      const [x, y] = [vector[i] ?? 0, vector[i + 1] ?? 0];
      result[i] = x * Math.cos(angle) - y * Math.sin(angle);
      result[i + 1] = x * Math.sin(angle) + y * Math.cos(angle);
    }
    return result;
  }

  #normalized(vector: Float64Array, weight: Matrix): Float64Array {
    const scale = 1 / Math.sqrt(dot(vector, vector) / vector.length + this.#epsilon);
    return vector.map((value, i) => value * scale * (weight.values[i] ?? 0));
  }
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`there is no item ${index}`);
  return item;
}

function rowOf(matrix: Matrix, row: number): Float32Array {
  return matrix.values.subarray(row * matrix.columns, (row + 1) * matrix.columns);
}

function dot(a: Float64Array | Float32Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < b.length; i++) total += (a[i] ?? 0) * (b[i] ?? 0);
  return total;
}

function product(matrix: Matrix, vector: Float64Array): Float64Array {
  return Float64Array.from({ length: matrix.rows }, (_, row) => dot(rowOf(matrix, row), vector));
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + (b[i] ?? 0));
}

function softmax(scores: readonly number[]): Float64Array {
  const highest = Math.max(...scores);
  const weights = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const total = weights.reduce((partial, weight) => partial + weight, 0);
  return weights.map((weight) => weight / total);
}
