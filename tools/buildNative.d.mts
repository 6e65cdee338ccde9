export interface BuildNativeOptions {
  /** The folder of package.json. */
  readonly root: string;
  readonly log?: (line: string) => void;
}

/** Builds dist/native/precis.node where an input has changed; resolves to its path. */
export function buildNative(options: BuildNativeOptions): Promise<string>;

/** Builds the C++ test program of native/core; `sanitize`: with AddressSanitizer and UndefinedBehaviorSanitizer. */
export function buildNativeTests(options: BuildNativeOptions & { readonly sanitize?: boolean }): Promise<string>;
