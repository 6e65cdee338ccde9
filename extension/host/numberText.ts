let language = "en";

/** Numbers are written as in this language from now on: the editor's. */
export function useLanguage(languageOfEditor: string): void {
  language = languageOfEditor;
}

/** For people: `812 KiB`, `34 MiB`, `1.2 GiB`. */
export function bytes(count: number): string {
  if (count < 1024 ** 2) return `${number(Math.round(count / 1024))} KiB`;
  if (count < 1024 ** 3) return `${number(Math.round(count / 1024 ** 2))} MiB`;
  return `${decimal(count / 1024 ** 3, 1)} GiB`;
}

/** With thousands separators. */
export function number(value: number): string {
  return value.toLocaleString(language);
}

/** A point in time, in milliseconds since 1970, as date and time of day. */
export function moment(ms: number): string {
  return new Date(ms).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}

/** With so many digits behind the point. */
export function decimal(value: number, digits: number): string {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
