import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { highlight } from "./highlight.ts";

const markdown = new MarkdownIt({ html: false, linkify: false });
// A picture's address could carry what the model has read to a server.
markdown.disable("image");

type Markdown = InstanceType<typeof MarkdownIt>;
export type Token = ReturnType<Markdown["parse"]>[number];
/** Of links, by name. */
export type Definitions = Parameters<Markdown["parse"]>[1];

/** Longer blocks of code get their colours when they are complete: until then they are rendered with every word. */
const growingCharactersMax = 3000;

const allowed = {
  ALLOWED_TAGS: [
    ...["p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"],
    ...["strong", "em", "s", "code", "pre", "span", "a", "table", "thead", "tbody", "tr", "th", "td"],
  ],
  ALLOWED_ATTR: ["class", "href", "title", "start"],
  ALLOWED_URI_REGEXP: /^https?:/i,
  // A number is no address.
  ADD_URI_SAFE_ATTR: ["start"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
} as const;

/** The blocks of a text, in order. `definitions` collects those of links, and knows those of earlier texts. */
export function parseMarkdown(text: string, definitions: Definitions): Token[] {
  return markdown.parse(text, definitions);
}

export interface RenderOptions {
  readonly definitions: Definitions;
  /** False while more text can follow. */
  readonly isFinished: boolean;
}

/** Blocks as nodes that hold text, code and web links only: no scripts, styles, pictures or forms. */
export function renderTokens(tokens: readonly Token[], { definitions, isFinished }: RenderOptions): DocumentFragment {
  const colour = (code: string, language: string): string =>
    isFinished || code.length <= growingCharactersMax ? highlight(code, language) : "";
  const options = { ...markdown.options, highlight: colour };
  return DOMPurify.sanitize(markdown.renderer.render([...tokens], options, definitions), {
    ...allowed,
    ALLOWED_TAGS: [...allowed.ALLOWED_TAGS],
    ALLOWED_ATTR: [...allowed.ALLOWED_ATTR],
    ADD_URI_SAFE_ATTR: [...allowed.ADD_URI_SAFE_ATTR],
  });
}
