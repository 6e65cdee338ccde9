/** The part of `node:path` that is needed: its half for the machine whose paths are meant, `win32` or `posix`. */
export interface PathRules {
  readonly sep: string;
  isAbsolute(path: string): boolean;
  relative(from: string, to: string): string;
}

/**
 * The path of a file relative to a folder, with `/`; null where the file does not lie below the folder. Both are absolute.
 * With Windows' rules their case does not matter, nor whether one of them is in the long form.
 */
export function pathBelow(folder: string, file: string, rules: PathRules): string | null {
  const path = rules.relative(shortForm(folder, rules), shortForm(file, rules));
  if (path === "" || path === ".." || path.startsWith(`..${rules.sep}`) || rules.isAbsolute(path)) return null;
  return path.split(rules.sep).join("/");
}

/** `\\?\C:\a` is the long form of `C:\a`, and `\\?\UNC\server\share` that of `\\server\share`. */
function shortForm(path: string, { sep }: PathRules): string {
  return sep === "\\" ? path.replace(/^\\\\\?\\UNC\\/i, "\\\\").replace(/^\\\\\?\\/, "") : path;
}
