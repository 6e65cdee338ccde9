interface EditorHostOptions {
  readonly root: string;
  /** A Node 24 binary. */
  readonly node: string;
  readonly log: (line: string) => void;
}

export const codeServerVersion: string;
export function ensureEditorHost(options: EditorHostOptions): Promise<{ readonly entry: string }>;
export function ensureBrowser(options: EditorHostOptions): Promise<string>;
