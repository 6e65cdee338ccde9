/** Names of model files, whoever made them up. */

const nameLengthMax = 120;
const splitPattern = /-(\d{5})-of-(\d{5})\.gguf$/;
/** Windows keeps these for devices, whatever the extension. */
const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d)$/i;

/** A name that stays in its folder on every system and ends in `.gguf`, from what a server or a hub calls the file. */
export function safeModelName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? "";
  const split = splitPattern.exec(last)?.[0] ?? "";
  const ending = split === "" ? ".gguf" : split;
  const stem = last
    .slice(0, last.length - split.length)
    .replace(/\.gguf$/i, "")
    // Control characters, what Windows forbids, and what turns the direction of text around.
    .replace(/[\p{Cc}\p{Cf}<>:"|?*]/gu, "")
    .replace(/^[\s.]+|[\s.]+$/g, "")
    .slice(0, nameLengthMax);
  return `${stem === "" || reserved.test(stem) ? `model${stem}` : stem}${ending}`;
}

/** All files of a model, given the name of its first; one unless it is split. */
export function namesOfModel(name: string): readonly string[] {
  const split = splitPattern.exec(name);
  if (split === null) return [name];
  const [ending, , total = ""] = split;
  const stem = name.slice(0, -ending.length);
  return Array.from(
    { length: Number(total) },
    (_, index) => `${stem}-${String(index + 1).padStart(5, "0")}-of-${total}.gguf`,
  );
}

/** True for every part of a split model but the first. */
export function isLaterPart(name: string): boolean {
  const split = splitPattern.exec(name);
  return split !== null && Number(split[1]) !== 1;
}
