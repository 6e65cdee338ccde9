import * as vscode from "vscode";
import type { TreeRow } from "./treeRow.ts";

const states = {
  none: vscode.TreeItemCollapsibleState.None,
  collapsed: vscode.TreeItemCollapsibleState.Collapsed,
  expanded: vscode.TreeItemCollapsibleState.Expanded,
} as const;

/** A row as VS Code draws it. */
export function treeItem(row: TreeRow): vscode.TreeItem {
  const item = new vscode.TreeItem(row.label, states[row.below]);
  item.description = row.description;
  item.iconPath = new vscode.ThemeIcon(row.icon);
  item.tooltip = row.tooltip;
  const spoken = [row.label, row.description].filter((part) => part !== "").join(", ");
  item.accessibilityInformation = { label: row.spoken ?? spoken };
  if (row.context !== undefined) item.contextValue = row.context;
  if (row.command !== undefined) {
    const { name, argument } = row.command;
    item.command = { command: name, title: row.label, arguments: argument === undefined ? [] : [argument] };
  }
  return item;
}
