import { config } from "@vscode/l10n";

let language = "en";

/** The part of a document that is read. */
interface Page {
  readonly documentElement: { readonly lang: string };
  getElementById(id: string): { readonly textContent: string | null } | null;
}

/** Takes language and texts from the page that the host made. Before anything is shown. */
export function useLanguageOf(page: Page): void {
  language = page.documentElement.lang || "en";
  const texts = page.getElementById("translations")?.textContent ?? "";
  if (texts !== "") config({ contents: texts });
}

export function number(value: number): string {
  return value.toLocaleString(language);
}

/** Day and time, short. */
export function dateText(ms: number): string {
  return new Date(ms).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}
