/** Brings the .vsix of this platform up to date and returns its path. `log` gets one line per step that runs. */
export function buildPackage(options: { log: (line: string) => void }): Promise<string>;
