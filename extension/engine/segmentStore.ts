/** Caches of segments on disk, as states of a model. What does not fit the model or its tokens is removed and read again. */
import type { NativeAddon, NativeKvState, NativeKvType, NativeModel } from "../../native/addon.ts";
import type { SegmentInfo } from "./kvFile.ts";
import { KvStore } from "./kvStore.ts";
import type { RecodedSegment } from "./kvStore.ts";
import { nativeFailure } from "./nativeFailure.ts";

export interface SegmentStoreOptions {
  readonly addon: NativeAddon;
  readonly model: NativeModel;
  /** Name of the model's file, for people. */
  readonly modelName: string;
  /** Equal for equal models only. */
  readonly modelFingerprint: string;
  readonly folder: string;
  readonly bytesMax: number;
  readonly onProblem: (message: string) => void;
}

/** A state and the position at which it begins; whoever loads it closes it. */
export interface PlacedState {
  readonly state: NativeKvState;
  readonly from: number;
}

export class SegmentStore {
  readonly #options: SegmentStoreOptions;
  readonly #files: KvStore;

  constructor(options: SegmentStoreOptions) {
    const { addon, folder, bytesMax, onProblem } = options;
    this.#options = options;
    this.#files = new KvStore({
      folder,
      bytesMax,
      // Another release of llama.cpp may order a cache in another way.
      model: `${options.modelFingerprint} ${addon.release}`,
      onProblem,
      recode: (payload, info) => this.#recode(payload, info),
    });
  }

  get isWritable(): boolean {
    return this.#files.isWritable;
  }

  has(key: string): Promise<boolean> {
    return this.#files.has(key);
  }

  /** Null where nothing usable is stored. `tokens`: those of the segment. */
  async load(key: string, tokens: Int32Array): Promise<PlacedState | null> {
    const stored = await this.#files.read(key);
    if (stored === null) return null;
    try {
      const { addon, model } = this.#options;
      const decoded = addon.decodeKvState(model, stored.payload);
      const from = decoded.segments[0] ?? -1;
      const { positions } = decoded.state.info;
      const isOfTokens =
        decoded.tokens.length === tokens.length && decoded.tokens.every((one, at) => one === tokens[at]);
      if (isOfTokens && (positions[0] ?? -1) >= from && positions.at(-1) === from + tokens.length - 1) {
        return { state: decoded.state, from };
      }
      decoded.state.close();
    } catch (error) {
      if (nativeFailure(error).code !== "blobInvalid") throw nativeFailure(error);
    }
    await this.#files.remove(key);
    return null;
  }

  /**
   * Writes a segment's cache in the given type, or in its own where the model's heads do not allow that one. Never
   * rejects on account of the disk.
   */
  async save(
    key: string,
    segment: Pick<SegmentInfo, "label" | "evictor" | "keepRatio"> & PlacedState & { readonly tokens: Int32Array },
    kvType: NativeKvType,
  ): Promise<void> {
    const { state, from, tokens, ...info } = segment;
    const converted = state.info.kvType === kvType ? null : convertedOrNull(state, kvType);
    const kept = converted ?? state;
    try {
      const payload = kept.encode({ tokens, segments: Int32Array.of(from, from + tokens.length) });
      await this.#files.write(
        key,
        {
          modelName: this.#options.modelName,
          label: info.label,
          evictor: info.evictor,
          keepRatio: info.keepRatio,
          kvType: kept.info.kvType,
          tokens: tokens.length,
          cells: kept.info.cells,
        },
        payload,
      );
    } finally {
      converted?.close();
    }
  }

  async remove(key: string): Promise<void> {
    await this.#files.remove(key);
  }

  /** The cold form: half of 8 bits. */
  #recode(payload: Uint8Array, info: SegmentInfo): RecodedSegment | null {
    if (info.kvType !== "q8_0" || info.keepRatio >= 1) return null;
    const { addon, model } = this.#options;
    try {
      const { state, tokens, segments } = addon.decodeKvState(model, payload);
      const cold = convertedOrNull(state, "q4_0");
      state.close();
      if (cold === null) return null;
      const recoded = { payload: cold.encode({ tokens, segments }), info: { ...info, kvType: "q4_0" } as const };
      cold.close();
      return recoded;
    } catch (error) {
      // Damaged: it goes.
      if (nativeFailure(error).code === "blobInvalid") return null;
      throw error;
    }
  }
}

/** Null where rows are no multiple of the type's blocks. */
function convertedOrNull(state: NativeKvState, kvType: NativeKvType): NativeKvState | null {
  try {
    return state.convert(kvType);
  } catch (error) {
    const { code } = nativeFailure(error);
    if (code === "modelUnsupported" || code === "nativeArgument") return null;
    throw error;
  }
}
