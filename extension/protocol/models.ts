/** What is said of models that may or may not be on this machine: their shape, and whether they fit it. */

export const modelRoles = ["assistant", "completer", "scorer"] as const;
/** The assistant writes answers, the completer suggests code, the scorer says how likely text is. */
export type ModelRole = (typeof modelRoles)[number];

/** What decides how much memory a model takes. */
export interface ModelShape {
  /** Of the GGUF file: its weights, as good as. */
  readonly bytes: number;
  readonly layers: number;
  /** Length of a token's vector between two layers. */
  readonly embedding: number;
  /** Heads whose keys and values are cached; on average where layers differ. */
  readonly kvHeads: number;
  /** Length of a key of one head. */
  readonly headSize: number;
  /** Length of a value, where it differs from a key's. */
  readonly valueHeadSize?: number;
  readonly vocabulary: number;
  /** The window that the model was trained for, in tokens. */
  readonly contextTokens: number;
}

/** What a model needs at a context budget, in bytes. */
export interface ModelNeeds {
  readonly weightBytes: number;
  readonly kvBytes: number;
  readonly computeBytes: number;
}

/** Memory that models may take, in bytes. */
export interface MachineMemory {
  readonly ramBytes: number;
  /** The GPU's; 0 without one. */
  readonly gpuBytes: number;
}

export type ModelFit =
  | { readonly kind: "fits"; readonly on: "cpu" | "gpu"; readonly needs: ModelNeeds }
  /** `gpuLayers` of `layers` on the GPU, the rest on the processor. */
  | { readonly kind: "partly"; readonly gpuLayers: number; readonly layers: number; readonly needs: ModelNeeds }
  | { readonly kind: "tooLarge"; readonly availableBytes: number; readonly needs: ModelNeeds };

/** Below Precis' storage folder: libraries that were downloaded, laid out as npm would. */
export function runtimesFolder(storageFolder: string): string {
  return `${storageFolder}/runtimes`;
}
