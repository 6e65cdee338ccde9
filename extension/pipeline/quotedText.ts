/** Text of people and models as it may stand in a prompt. */

/** Line ends as `\n`, no other control characters but tabs, no blank ends. */
export function cleaned(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/[^\P{Cc}\n\t]/gu, "")
    .trim();
}

/** As a Markdown quotation, so that headings and fences in it stay inside. */
export function quoted(text: string): string {
  return cleaned(text)
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n");
}
