const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** Puts `tables` between the markers of a document; throws when it has none. */
export function insertTables(document: string, tables: string): string {
  const from = document.indexOf(BEGIN);
  const to = document.indexOf(END);
  if (from < 0 || to < from) throw new Error(`the document lacks ${BEGIN} … ${END}`);
  return `${document.slice(0, from + BEGIN.length)}\n\n${tables.trim()}\n\n${document.slice(to)}`;
}
