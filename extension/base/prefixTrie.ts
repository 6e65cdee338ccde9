/**
 * Values under text keys, at most `limit` of them; the one that was neither set nor found longest goes first. Keys that
 * begin alike share their beginning, so that thousands of characters in front of a cursor are kept once.
 */
export class PrefixTrie<Value> {
  readonly #limit: number;
  readonly #root: TrieNode<Value> = newNode("", null);
  /** Every node that has a value, the least recently used first. */
  readonly #recent = new Set<TrieNode<Value>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#recent.size;
  }

  set(key: string, value: Value): void {
    const node = this.#nodeOf(key);
    node.entry = { value };
    this.#touch(node);
    for (const oldest of this.#recent) {
      if (this.#recent.size <= this.#limit) break;
      this.#remove(oldest);
    }
  }

  /**
   * The value of the longest key that `text` begins with and that `accept` takes; null where there is none. `rest` is
   * what `text` has beyond that key.
   */
  find<Found>(text: string, accept: (value: Value, rest: string) => Found | null): Found | null {
    const path: { readonly node: TrieNode<Value>; readonly depth: number }[] = [];
    let depth = 0;
    for (let node: TrieNode<Value> | undefined = this.#root; node !== undefined;) {
      if (!text.startsWith(node.label, depth)) break;
      depth += node.label.length;
      if (node.entry !== null) path.push({ node, depth });
      node = node.children.get(text.charAt(depth));
    }
    for (const { node, depth: length } of path.reverse()) {
      if (node.entry === null) continue;
      const found = accept(node.entry.value, text.slice(length));
      if (found === null) continue;
      this.#touch(node);
      return found;
    }
    return null;
  }

  clear(): void {
    this.#root.entry = null;
    this.#root.children.clear();
    this.#recent.clear();
  }

  #touch(node: TrieNode<Value>): void {
    this.#recent.delete(node);
    this.#recent.add(node);
  }

  /** The node of a key, made where there is none. */
  #nodeOf(key: string): TrieNode<Value> {
    let node = this.#root;
    let depth = 0;
    while (depth < key.length) {
      const child = node.children.get(key.charAt(depth));
      if (child === undefined) return addChild(node, key.slice(depth));
      const shared = sharedLength(child.label, key, depth);
      depth += shared;
      node = shared < child.label.length ? split(child, shared) : child;
    }
    return node;
  }

  /** Takes a node's value away, and with it the nodes that only led there. */
  #remove(node: TrieNode<Value>): void {
    this.#recent.delete(node);
    node.entry = null;
    for (let at = node; at.parent !== null && at.entry === null;) {
      const { parent } = at;
      const [only, ...others] = at.children.values();
      if (others.length > 0) return;
      if (only === undefined) {
        parent.children.delete(at.label.charAt(0));
      } else {
        only.label = at.label + only.label;
        only.parent = parent;
        parent.children.set(only.label.charAt(0), only);
        return;
      }
      at = parent;
    }
  }
}

interface TrieNode<Value> {
  /** What the node's key has beyond its parent's. Empty at the root only. */
  label: string;
  parent: TrieNode<Value> | null;
  /** By the first character of their labels. */
  readonly children: Map<string, TrieNode<Value>>;
  entry: { readonly value: Value } | null;
}

function newNode<Value>(label: string, parent: TrieNode<Value> | null): TrieNode<Value> {
  return { label, parent, children: new Map(), entry: null };
}

function addChild<Value>(parent: TrieNode<Value>, label: string): TrieNode<Value> {
  const child = newNode(label, parent);
  parent.children.set(label.charAt(0), child);
  return child;
}

/** Puts a node in between that has the first `length` characters of the child's label. */
function split<Value>(child: TrieNode<Value>, length: number): TrieNode<Value> {
  const { parent, label } = child;
  const between = newNode(label.slice(0, length), parent);
  parent?.children.set(label.charAt(0), between);
  child.label = label.slice(length);
  child.parent = between;
  between.children.set(child.label.charAt(0), child);
  return between;
}

function sharedLength(label: string, key: string, from: number): number {
  let length = 0;
  while (length < label.length && label.charCodeAt(length) === key.charCodeAt(from + length)) length += 1;
  return length;
}
