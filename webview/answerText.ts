import { addCodeTools } from "./codeBlocks.ts";
import type { CodeIntents } from "./codeBlocks.ts";
import { parseMarkdown, renderTokens } from "./markdown.ts";
import type { Definitions, Token } from "./markdown.ts";

/** A list that is still being written is settled in parts of so many items, so that its length costs nothing. */
const listPartItems = 24;

/**
 * The Markdown of an answer while it grows. What more text cannot change any more, all blocks but the last, is rendered
 * once and stays; only the rest is rendered again.
 */
export class AnswerText {
  readonly #node: HTMLElement;
  readonly #intents: CodeIntents;
  #text = "";
  #settledTo = 0;
  /** Rendered from what is not settled. */
  #open: ChildNode[] = [];
  /** Definitions of links, for later blocks. */
  #definitions: Definitions = {};
  /** The number that goes on where an ordered list was settled in parts; null where no list was. */
  #nextNumber: number | null = null;

  constructor(node: HTMLElement, intents: CodeIntents) {
    this.#node = node;
    this.#intents = intents;
  }

  /** Shows this text. Where it is the one before with more behind it, the settled part is not touched. */
  show(written: string, { isFinished }: { readonly isFinished: boolean }): void {
    // Markdown's own line ends, so that its lines can be found again in the text.
    const text = written.replace(/\r\n?/g, "\n");
    if (!text.startsWith(this.#text)) this.#reset();
    this.#text = text;
    const rest = text.slice(this.#settledTo);
    const tokens = parseMarkdown(rest, this.#definitions);
    const lastAt = lastBlock(tokens);
    for (const node of this.#open) node.remove();
    this.#open = [];
    if (lastAt < 0) return;
    if (isFinished) {
      this.#append(this.#numbered(tokens), { isFinished: true });
      this.#settledTo = text.length;
      return;
    }
    const first = tokens.slice(0, lastAt);
    if (first.length > 0) {
      this.#append(this.#numbered(first), { isFinished: true });
      this.#nextNumber = null;
      this.#settle(rest, tokens[lastAt]);
    }
    this.#showLast(rest, first.length > 0 ? tokens.slice(lastAt) : this.#numbered(tokens.slice(lastAt)));
  }

  /** `last` is one block. The items of a long list are settled but for the last. */
  #showLast(rest: string, last: readonly Token[]): void {
    const [list] = last;
    const items = last.filter(({ type, level }) => type === "list_item_open" && level === 1);
    const lastItem = items.at(-1);
    if (list === undefined || lastItem === undefined || items.length <= listPartItems) {
      this.#open = this.#append(last, { isFinished: false });
      return;
    }
    const cut = last.indexOf(lastItem);
    const close = last.at(-1);
    list.attrJoin("class", "cut");
    this.#append([...last.slice(0, cut), ...(close === undefined ? [] : [close])], { isFinished: true });
    const start = Number(list.attrGet("start") ?? 1);
    this.#nextNumber = list.type === "ordered_list_open" ? start + items.length - 1 : null;
    this.#settle(rest, lastItem);
    // The next text brings the item back as a list of its own.
    this.show(this.#text, { isFinished: false });
  }

  #append(tokens: readonly Token[], { isFinished }: { readonly isFinished: boolean }): ChildNode[] {
    const content = renderTokens(tokens, { definitions: this.#definitions, isFinished });
    addCodeTools(content, this.#intents);
    const nodes = [...content.childNodes];
    this.#node.append(content);
    return nodes;
  }

  /** A list that goes on where it was settled keeps counting, whatever its first number says. */
  #numbered(tokens: Token[]): Token[] {
    const [list] = tokens;
    if (this.#nextNumber !== null && list?.type === "ordered_list_open") {
      list.attrSet("start", String(this.#nextNumber));
    }
    return tokens;
  }

  /** All before the token's first line is settled. */
  #settle(rest: string, token: Token | undefined): void {
    const line = token?.map?.[0] ?? 0;
    let at = 0;
    for (let passed = 0; passed < line; passed += 1) at = rest.indexOf("\n", at) + 1;
    this.#settledTo += at;
  }

  #reset(): void {
    this.#node.replaceChildren();
    this.#settledTo = 0;
    this.#open = [];
    this.#definitions = {};
    this.#nextNumber = null;
  }
}

/** Where the last block begins; -1 where there is none. */
function lastBlock(tokens: readonly Token[]): number {
  return tokens.findLastIndex(({ level, nesting }) => level === 0 && nesting >= 0);
}
