export interface AskPageOptions {
  /** Fresh for each page. */
  readonly nonce: string;
  /** Where styles and fonts may come from. */
  readonly cspSource: string;
  /** Address of a file of dist/webview. */
  readonly uri: (name: string) => string;
  /** The editor's language, e.g. `de`. */
  readonly language: string;
  /** English text → the same in that language; empty for English. */
  readonly translations: Readonly<Record<string, unknown>>;
}

/** The Ask view's document. Only the one script may run, and nothing may be loaded from elsewhere. */
export function askPage({ nonce, cspSource, uri, language, translations }: AskPageOptions): string {
  const policy = [
    "default-src 'none'",
    `style-src ${cspSource}`,
    `font-src ${cspSource}`,
    `script-src 'nonce-${nonce}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${language.replace(/[^A-Za-z0-9-]/g, "")}">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Precis</title>
    <link rel="stylesheet" href="${uri("main.css")}">
  </head>
  <body>
    <script type="application/json" id="translations">${scriptText(JSON.stringify(translations))}</script>
    <script nonce="${nonce}" src="${uri("main.js")}"></script>
  </body>
</html>`;
}

/** JSON in which no tag can begin or end. */
function scriptText(json: string): string {
  return json.replaceAll("<", "\\u003c");
}
