/** All settings by category, in the order of the settings editor, as Markdown. */
export function settingsText(): string;
