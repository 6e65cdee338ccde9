import type { Unit } from "../protocol/units.ts";

/**
 * Whether a path that somebody wrote (lower case, `/`) means this file. Either may be the end of the other: people leave
 * folders out, and a stack trace has the folders of the machine where it happened.
 */
export function isSameFile(path: string, named: string): boolean {
  const [own, asked] = [`/${path.toLowerCase()}`, `/${named}`];
  // A bare name at the workspace's root is no reason to take every file of that name elsewhere for it.
  return own.endsWith(asked) || (own.indexOf("/", 1) > 0 && asked.endsWith(own));
}

/** Whether a line (from 1) is one of the unit's own. */
export function holdsLine({ ranges }: Pick<Unit, "ranges">, line: number): boolean {
  return ranges.some(({ startLine, endLine }) => startLine <= line && line <= endLine);
}
