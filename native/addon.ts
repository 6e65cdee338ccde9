/**
 * The typed face of the native addon (native/binding): types only. The addon loads a llama.cpp library at run time,
 * checks every argument, and throws or rejects with an `Error` whose `code` is one of `NativeErrorCode`; it never
 * aborts the process because of a JavaScript value. All promises settle, also when their object is closed meanwhile.
 */

export type NativeErrorCode =
  | "NATIVE_ARGUMENT" // wrong type, range or length
  | "NATIVE_STATE" // used before loadLibrary, after close, or while another operation runs on the same context
  | "NATIVE_LIBRARY_MISSING"
  | "NATIVE_LIBRARY_MISMATCH"
  | "NATIVE_MODEL_MISSING"
  | "NATIVE_MODEL_NOT_GGUF"
  | "NATIVE_MODEL_TRUNCATED"
  | "NATIVE_MODEL_UNSUPPORTED"
  | "NATIVE_MODEL_FAILED"
  | "NATIVE_OUT_OF_MEMORY"
  | "NATIVE_CONTEXT_FULL"
  | "NATIVE_BLOB_INVALID"
  | "NATIVE_CANCELLED"
  | "NATIVE_FAILED";

export interface NativeAddon {
  /** llama.cpp release whose headers the addon was compiled against, e.g. `v0.5.0`. */
  readonly release: string;
  /**
   * Opens ggml and llama from `directory` (absolute) and checks that they are of `release`. Once per process: a second
   * call with the same directory returns the same information, with another one it fails with NATIVE_STATE.
   * `onLog` receives llama.cpp's own messages (level: debug, info, warning, error).
   */
  loadLibrary(options: {
    readonly directory: string;
    readonly onLog?: (level: string, message: string) => void;
  }): LibraryInfo;
  /** Reads a GGUF model. `gpuLayers`: 0…(layers + 1); more means all. */
  openModel(options: {
    readonly path: string;
    readonly gpuLayers: number;
    readonly useMmap?: boolean;
    readonly onProgress?: (fraction: number) => void;
  }): Promise<NativeModel>;
  /**
   * A state as `encode` wrote it. NATIVE_BLOB_INVALID says why not: damaged, of another model, llama.cpp release or
   * format version. `tokens` and `segments` are what encode was given.
   */
  decodeKvState(
    model: NativeModel,
    bytes: Uint8Array,
  ): { readonly state: NativeKvState; readonly tokens: Int32Array; readonly segments: Int32Array };
  /** One after another. At least one; all of one model and KV type, positions ascending over the joints. */
  joinKvStates(states: readonly NativeKvState[]): NativeKvState;
}

export interface NativeDevice {
  readonly name: string;
  readonly description: string;
  readonly type: "cpu" | "gpu" | "integratedGpu" | "accelerator";
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface LibraryInfo {
  readonly directory: string;
  readonly release: string;
  readonly devices: readonly NativeDevice[];
  readonly systemInfo: string;
}

export interface ModelInfo {
  readonly description: string;
  readonly architecture: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly vocabulary: number;
  readonly trainedContext: number;
  readonly embedding: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly addBos: boolean;
  /** -1 where the model has no such token. */
  readonly tokens: {
    readonly bos: number;
    readonly eos: number;
    readonly eot: number;
    readonly fimPrefix: number;
    readonly fimSuffix: number;
    readonly fimMiddle: number;
  };
  readonly chatTemplate: string | null;
  readonly gpuLayers: number;
}

export type NativeKvType = "f16" | "f32" | "q8_0" | "q4_0";

export interface OpenContextOptions {
  /** Cells of the KV cache over all sequences, 1…1,048,576. */
  readonly cells: number;
  /** Tokens decoded at once, 1…cells. Default 512. */
  readonly batchTokens?: number;
  /** Independent sequences, 1…256, each with cells/sequences cells when `unified` is false. Default 1. */
  readonly sequences?: number;
  /** One pool of cells for all sequences. Default true. */
  readonly unified?: boolean;
  /** Default f16. Quantised V needs flash attention. */
  readonly kvType?: NativeKvType;
  /** Default auto. */
  readonly flashAttention?: "auto" | "on" | "off";
  /** 0: one per physical core, at most 8. */
  readonly threads?: number;
}

export interface ContextInfo {
  readonly cells: number;
  readonly cellsPerSequence: number;
  readonly batchTokens: number;
  readonly sequences: number;
  readonly kvType: NativeKvType;
  /** Bytes of the KV cache as llama.cpp allocated it. */
  readonly kvBytes: number;
  readonly threads: number;
}

export interface NativeModel {
  readonly info: ModelInfo;
  /** `special`: text such as `<|im_end|>` becomes its control token. No BOS is added. */
  tokenize(text: string, options: { readonly special: boolean }): Int32Array;
  /** The bytes of these tokens; may end inside a UTF-8 sequence. */
  detokenize(tokens: Int32Array, options: { readonly special: boolean }): Uint8Array;
  /** True for end-of-sequence, end-of-turn and the like. */
  isEndOfGeneration(token: number): boolean;
  openContext(options: OpenContextOptions): Promise<NativeContext>;
  createSampler(options: SamplerOptions): NativeSampler;
  /** Fails with NATIVE_STATE while contexts are open. */
  close(): Promise<void>;
}

export interface SamplerOptions {
  /** 0: always the likeliest token. */
  readonly temperature: number;
  /** 0: off. */
  readonly topK?: number;
  /** 1: off. */
  readonly topP?: number;
  /** 0: off. */
  readonly minP?: number;
  /** 1: off. */
  readonly repeatPenalty?: number;
  readonly repeatLastTokens?: number;
  readonly seed?: number;
}

/** Its repeat penalty counts the tokens it chose, not the prompt's. One operation uses it at a time. */
export interface NativeSampler {
  close(): void;
}

/** Sampled tokens, and their log probabilities (natural) before the sampler's temperature and cuts. */
export interface DrawnTokens {
  readonly tokens: Int32Array;
  readonly logProbabilities: Float32Array;
}

export interface ScoreItem {
  /** Sequence that may hold a cached prefix; `tokens` continue it. */
  readonly sequence: number;
  /** At least two tokens. The first one is only read; each further one is a target. */
  readonly tokens: Int32Array;
}

export interface ObserveOptions {
  /** Over the observed tokens and the query heads of a KV head. */
  readonly reduce: "max" | "mean";
  /** Tokens before this index are read but not observed. Smaller than the number of tokens; default 0. */
  readonly firstQuery?: number;
  /** Query vectors to return, evenly spread over the observed tokens; at most one per token. Default 0. */
  readonly queries?: number;
}

export interface Observation {
  /** Of the sequence before the call. */
  readonly cells: number;
  /** Attention probabilities, 0…1: [layer][KV head][cell], positions ascending. */
  readonly attention: Float32Array;
  readonly queryCount: number;
  /** [layer][head][query][head size], so that attention is softmax(q · k / sqrt(head size)) over the keys as cached. */
  readonly queryVectors: Float32Array;
}

export interface NativeContext {
  readonly info: ContextInfo;
  /** Number of cells the sequence occupies (its next position, as long as nothing was evicted). */
  usedCells(sequence: number): number;
  /** Next position of the sequence. */
  nextPosition(sequence: number): number;
  /**
   * Appends tokens (at least one) to a sequence, in batches. `onProgress` gets the tokens done after each batch. After
   * a cancellation or failure the sequence is as it was before the call; models with recurrent layers cannot cut a
   * sequence, there it is empty then.
   */
  read(
    sequence: number,
    tokens: Int32Array,
    options?: { readonly onProgress?: (tokensDone: number) => void },
  ): Promise<void>;
  /**
   * Samples the next token of the sequence that was read or generated last, and decodes it unless it ends the
   * generation. Resolves to the token.
   */
  next(sequence: number, sampler: NativeSampler): Promise<number>;
  /**
   * Writes on by drafts. `tokens`: one that was sampled, and a guess at what follows. Decodes them together, samples after
   * each in turn, and stops where the next one is another. Resolves to what was sampled; all of it but the last one is what
   * `tokens` goes on with and is in the sequence now, the last one is not decoded and begins the next call. Without `tokens`
   * it only samples, after a `read`. Rejected tokens are forgotten; the sampler never sees them. Models with recurrent
   * layers take one token: NATIVE_MODEL_UNSUPPORTED. After a failure the sequence is as it was before the call.
   */
  extend(sequence: number, sampler: NativeSampler, tokens: Int32Array): Promise<DrawnTokens>;
  /**
   * Log probabilities (natural) of each item's targets: `result[i][j] = log p(tokens[j + 1] | prefix, tokens[0…j])`.
   * The items' tokens are removed from their sequences afterwards. Sequences must be distinct.
   */
  score(items: readonly ScoreItem[]): Promise<Float32Array[]>;
  /**
   * Log probabilities (natural) of the whole vocabulary after each token: `[token][vocabulary]`, at most one gibibyte.
   * The tokens are removed from the sequence afterwards. For measurements; `score` is enough for known targets.
   */
  distributions(sequence: number, tokens: Int32Array): Promise<Float32Array>;
  /**
   * Reads tokens behind the sequence, tells which of the sequence's cells they look at, and forgets them again, also
   * after a cancellation or failure. NATIVE_STATE unless the context was opened with flash attention `off`;
   * NATIVE_MODEL_UNSUPPORTED for models whose attention cannot be told from its nodes.
   */
  observe(sequence: number, tokens: Int32Array, options: ObserveOptions): Promise<Observation>;
  /**
   * Removes positions `from` (inclusive) to `to` (exclusive, -1: to the end). Models with recurrent layers can only
   * remove everything: NATIVE_MODEL_UNSUPPORTED.
   */
  remove(sequence: number, from: number, to: number): void;
  /** Makes `target` an alias of `source`'s cells (unified), or a full copy. `target` is emptied first. */
  copySequence(source: number, target: number): void;
  clear(): void;
  /**
   * The cells of a sequence whose position is in `range` (`from` inclusive, `to` exclusive; default all).
   * NATIVE_MODEL_UNSUPPORTED names the cache layouts that cannot be taken apart: sliding window, recurrent layers,
   * latent attention, several positions per token.
   */
  captureSequence(sequence: number, range?: { readonly from: number; readonly to: number }): Promise<NativeKvState>;
  /**
   * Appends a state's cells to a sequence; all its positions must lie behind the sequence's last one. KV type and order
   * of values become the context's. On failure the sequence is as it was.
   */
  attachState(sequence: number, state: NativeKvState): Promise<void>;
  /** The same as `encode` of `captureSequence`, without tokens and segments. */
  saveSequence(sequence: number): Promise<Uint8Array>;
  /** Replaces a sequence by what `encode` wrote. On failure the sequence is empty and the error says why. */
  restoreSequence(sequence: number, blob: Uint8Array): Promise<void>;
  /** Makes the running operation reject with NATIVE_CANCELLED as soon as llama.cpp lets go (3–15 ms). */
  cancel(): void;
  close(): Promise<void>;
}

export interface KvStateInfo {
  readonly cells: number;
  readonly layers: number;
  readonly kvHeads: number;
  /** Values per KV head. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly kvType: NativeKvType;
  /** Of keys and values together. */
  readonly bytes: number;
  /** Of the cells, ascending. */
  readonly positions: Int32Array;
}

export interface RefitOptions {
  /** As for `select`. */
  readonly cells: Int32Array;
  readonly positions: Int32Array;
  /** As in Observation: [layer][head][query][key size]. At most 2^26 query vectors of a KV head times kept cells. */
  readonly queryVectors: Float32Array;
  readonly queryCount: number;
  /**
   * How strongly values are held where they were, 1e-6…1e6, in units of the mean squared attention to a kept cell,
   * summed over the queries. Small: follow the queries; large: as `select`.
   */
  readonly ridge: number;
  /** [kept], not 0: the cell keeps its value. Default: none does. */
  readonly fixed?: Uint8Array;
}

/**
 * Cells of a sequence in memory of its own, independent of any context; never changed once made. A cell holds, for
 * each layer and KV head, the key and the value of some token; its position only says who may look at it. Outlives
 * its model and context. Methods fail with NATIVE_STATE after close.
 */
export interface NativeKvState {
  readonly info: KvStateInfo;
  /** Keys as attention sees them (rotated by position), [cell][KV head][key size]. */
  keys(layer: number): Float32Array;
  /** [cell][KV head][value size] */
  values(layer: number): Float32Array;
  /**
   * Other cells for each layer and KV head. `cells`: indices, [layer][KV head][kept], ascending in each row;
   * `positions`: of the kept cells, ascending. NATIVE_MODEL_UNSUPPORTED where attention depends on a cell's position
   * in another way than by rotated keys.
   */
  select(cells: Int32Array, positions: Int32Array): NativeKvState;
  /** The cells with positions from `from` (inclusive) to `to` (exclusive). */
  slice(from: number, to: number): NativeKvState;
  /**
   * Moves all positions by `by` and rotates the keys accordingly. What was quantised is f16 afterwards: quantising
   * twice would lose more. NATIVE_MODEL_UNSUPPORTED names a rotation that is not understood.
   */
  shift(by: number): NativeKvState;
  /** In another type, as llama.cpp keeps it in a context of that type. */
  convert(kvType: NativeKvType): NativeKvState;
  /**
   * Like `select`, with new values: attention over the kept cells alone then gives these queries about what attention
   * over all cells gave them (ridge least squares for each layer and KV head).
   */
  refit(options: RefitOptions): Promise<NativeKvState>;
  /** Makes running refits of this state reject with NATIVE_CANCELLED. */
  cancel(): void;
  /**
   * For a file. `tokens`: what the cells were read from (any number); `segments`: numbers of the caller's. Both come
   * back from decodeKvState.
   */
  encode(meta: { readonly tokens: Int32Array; readonly segments: Int32Array }): Uint8Array;
  /** Frees the memory. A running attachState or refit still has it. */
  close(): void;
}
