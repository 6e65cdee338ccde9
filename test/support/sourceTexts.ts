/** Reads with the TypeScript compiler which texts a source file hands to `t` of @vscode/l10n, or makes sentences of. */
import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

export interface SourceTexts {
  readonly texts: readonly string[];
  /** Calls whose text cannot be known from the source, or that run before the language is known; with their lines. */
  readonly problems: readonly string[];
}

/** The functions that are given texts, by name: where each comes from, and whether it must know the language. */
const takers = {
  t: { module: /^@vscode\/l10n$/, needsLanguage: true },
  sentence: { module: /\/sentence\.ts$/, needsLanguage: false },
} as const;

/**
 * The texts of one file. A call is given a literal, or an entry of a table of literals: `t(failureSentences[code])`. The
 * table may be imported from another file of the project.
 */
export function textsOf(file: string): SourceTexts {
  const source = parse(file);
  const texts: string[] = [];
  const problems: string[] = [];
  const imported = (["t", "sentence"] as const).filter((name) => importsFrom(source, takers[name].module));
  if (imported.length === 0) return { texts, problems };
  const visit = (node: ts.Node, isInFunction: boolean): void => {
    const taker = imported.find((name) => isCallOf(name, node));
    if (taker !== undefined && ts.isCallExpression(node)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      const [text] = node.arguments;
      const known = text === undefined ? null : textsOfArgument(text, source, file);
      if (known === null) problems.push(`line ${line}: no literal text`);
      else texts.push(...known);
      if (takers[taker].needsLanguage && !isInFunction)
        problems.push(`line ${line}: called while the module is loaded`);
    }
    ts.forEachChild(node, (child) => {
      visit(child, isInFunction || runsLater(node));
    });
  };
  visit(source, false);
  return { texts, problems };
}

/** Bodies of functions, and fields, which are filled when an object is made. */
function runsLater(node: ts.Node): boolean {
  if (ts.isPropertyDeclaration(node))
    return !ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword);
  return ts.isFunctionLike(node);
}

function textsOfArgument(text: ts.Expression, source: ts.SourceFile, file: string): readonly string[] | null {
  if (ts.isStringLiteralLike(text)) return [text.text];
  if (ts.isElementAccessExpression(text) || ts.isPropertyAccessExpression(text)) {
    return ts.isIdentifier(text.expression) ? tableOf(text.expression.text, source, file) : null;
  }
  return null;
}

/** The values of `const name = { key: "text", … }`, declared in the file or imported into it. */
function tableOf(name: string, source: ts.SourceFile, file: string): readonly string[] | null {
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const { name: declared, initializer } of statement.declarationList.declarations) {
        if (ts.isIdentifier(declared) && declared.text === name) return valuesOf(initializer);
      }
    }
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
    const bindings = statement.importClause?.namedBindings;
    if (bindings === undefined || !ts.isNamedImports(bindings)) continue;
    const target = statement.moduleSpecifier.text;
    if (!target.startsWith(".") || !bindings.elements.some((element) => element.name.text === name)) continue;
    const imported = path.resolve(path.dirname(file), target);
    return tableOf(name, parse(imported), imported);
  }
  return null;
}

function valuesOf(initializer: ts.Expression | undefined): readonly string[] | null {
  if (initializer === undefined) return null;
  if (ts.isAsExpression(initializer) || ts.isSatisfiesExpression(initializer)) return valuesOf(initializer.expression);
  if (!ts.isObjectLiteralExpression(initializer)) return null;
  const values = initializer.properties.map((property) =>
    ts.isPropertyAssignment(property) && ts.isStringLiteralLike(property.initializer)
      ? property.initializer.text
      : null,
  );
  return values.every((value) => value !== null) ? values : null;
}

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
}

function importsFrom(source: ts.SourceFile, module: RegExp): boolean {
  return source.statements.some(
    (statement) =>
      ts.isImportDeclaration(statement) &&
      ts.isStringLiteral(statement.moduleSpecifier) &&
      module.test(statement.moduleSpecifier.text),
  );
}

function isCallOf(name: string, node: ts.Node): boolean {
  return ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === name;
}
