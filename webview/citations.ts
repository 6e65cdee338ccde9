import { t } from "@vscode/l10n";
import type { CitationView } from "../extension/protocol/view.ts";
import { button, element } from "./dom.ts";

export type OpenCitation = (citation: CitationView) => void;

/**
 * `path:start-end`, `path:line` where it is one line, or the path alone where it is the whole file; the name of what is
 * nowhere.
 */
export function citationLabel(citation: CitationView): string {
  const { path, startLine, endLine } = citation;
  if (path === "") return citation.name ?? "";
  if (startLine === 0) return path;
  return startLine === endLine ? `${path}:${startLine}` : `${path}:${startLine}-${endLine}`;
}

/** More chips than these wait behind a button. */
const chipsShown = 6;

/** One button per distinct citation; those that do not resolve are struck out and cannot be pressed. */
export function citationChips(citations: readonly CitationView[], open: OpenCitation, label: string): HTMLElement {
  const distinct = new Map(citations.map((citation) => [citationLabel(citation), citation]));
  const items = [...distinct.values()].map((citation) => element("li", {}, citationChip(citation, open)));
  const list = element("ul", { class: "chips", label }, ...items.slice(0, chipsShown));
  const hidden = items.slice(chipsShown);
  if (hidden.length > 0) {
    const more = button({
      class: "chip more",
      text: t("{0} more", hidden.length),
      label: t("Show {0} more", hidden.length),
      onClick: () => {
        more.parentElement?.replaceWith(...hidden);
        hidden[0]?.querySelector("button")?.focus();
      },
    });
    list.append(element("li", {}, more));
  }
  return list;
}

function citationChip(citation: CitationView, open: OpenCitation): HTMLElement {
  const label = citationLabel(citation);
  const file = citation.path.split("/").at(-1) ?? citation.path;
  const chip = button({
    class: "chip",
    icon: citation.resolved ? "go-to-file" : "warning",
    text: file + label.slice(citation.path.length),
    title: citationTitle(citation),
    onClick: () => {
      if (citation.resolved) open(citation);
    },
  });
  if (!citation.resolved) {
    chip.classList.add("unresolved");
    chip.setAttribute("aria-disabled", "true");
    chip.setAttribute("aria-label", citationTitle(citation));
  }
  return chip;
}

/**
 * Turns the places and names that an answer mentions in its text into links, and strikes out places that do not exist.
 * Code blocks stay as they are.
 */
export function linkCitations(root: Node, citations: readonly CitationView[], open: OpenCitation): void {
  if (citations.length === 0) return;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode() !== null) {
    const node = walker.currentNode;
    if (node instanceof Text && !isIn(node, "pre, a")) texts.push(node);
  }
  for (const text of texts) {
    const replacement = document.createDocumentFragment();
    let from = 0;
    for (const mention of mentionsIn(text)) {
      const citation = mention.find(citations);
      if (citation === null) continue;
      const link = citationLink(mention.written, citation, open);
      replacement.append(text.data.slice(from, mention.at), link);
      from = mention.at + mention.written.length;
    }
    if (from === 0) continue;
    replacement.append(text.data.slice(from));
    text.replaceWith(replacement);
  }
}

interface Mention {
  readonly at: number;
  readonly written: string;
  readonly find: (citations: readonly CitationView[]) => CitationView | null;
}

/** A place begins where a run of its signs begins, so that a search takes one pass over the text. */
const placePattern =
  /(?<![\p{L}\p{N}_@$+.~[\]()/\\-])[\p{L}\p{N}_@$+.~[\]()/\\-]{0,255}[\p{L}\p{N}_$\]](?::L?(\d{1,7})(?:[-–—]L?(\d{1,7}))?|#L(\d{1,7})(?:[-–—]L?(\d{1,7}))?)(?!\w)/gu;

/** Places with lines anywhere; in inline code also paths and names without. */
function mentionsIn(text: Text): Mention[] {
  const places = [...text.data.matchAll(placePattern)];
  if (places.length === 0 && isIn(text, "code")) {
    const written = text.data;
    return [{ at: 0, written, find: (citations) => citationOfName(written, citations) }];
  }
  return places.map((match) => {
    const startLine = Number(match[1] ?? match[3]);
    const endLine = Number(match[2] ?? match[4] ?? startLine);
    const path = match[0].slice(0, match[0].search(/[:#]L?\d/));
    // An opening bracket in front belongs to the sentence.
    const bracket = /^[([]+(?=[^)\]]*$)/.exec(path)?.[0].length ?? 0;
    return {
      at: match.index + bracket,
      written: match[0].slice(bracket),
      find: (citations) => citationOfPlace({ path: path.slice(bracket), startLine, endLine }, citations),
    };
  });
}

/** The engine may have completed the path and moved the lines; the nearest citation of that file is meant. */
function citationOfPlace(
  place: { readonly path: string; readonly startLine: number; readonly endLine: number },
  citations: readonly CitationView[],
): CitationView | null {
  const distance = (citation: CitationView): number =>
    Math.abs(citation.startLine - place.startLine) + Math.abs(citation.endLine - place.endLine);
  const ofFile = citations.filter((citation) => isSameFile(citation.path, place.path));
  return ofFile.sort((a, b) => distance(a) - distance(b))[0] ?? null;
}

function citationOfName(written: string, citations: readonly CitationView[]): CitationView | null {
  const name = written
    .trim()
    .replace(/\(\)$/, "")
    .replace(/::|->|#/g, ".");
  const isNamed = (citation: CitationView): boolean =>
    citation.name !== undefined && (citation.name === name || citation.name.endsWith(`.${name}`));
  const isFile = (citation: CitationView): boolean => citation.startLine === 0 && isSameFile(citation.path, name);
  return citations.find(isNamed) ?? citations.find(isFile) ?? null;
}

function isSameFile(cited: string, written: string): boolean {
  const path = written.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "");
  return cited === path || cited.endsWith(`/${path}`) || path.endsWith(`/${cited}`);
}

function isIn(text: Text, selector: string): boolean {
  return text.parentElement !== null && text.parentElement.closest(selector) !== null;
}

function citationLink(written: string, citation: CitationView, open: OpenCitation): HTMLElement {
  if (!citation.resolved) {
    return element("s", { class: "unresolved", title: citationTitle(citation), text: written });
  }
  const link = element("a", {
    class: "citation",
    title: citationTitle(citation),
    text: written,
  });
  link.href = "#";
  link.addEventListener("click", (event) => {
    event.preventDefault();
    open(citation);
  });
  return link;
}

function citationTitle(citation: CitationView): string {
  const label = citationLabel(citation);
  if (citation.path === "") return t("{0} is not written anywhere in this folder", label);
  if (!citation.resolved) return t("{0} does not exist in this folder", label);
  return citation.name === undefined ? label : `${citation.name} – ${label}`;
}
