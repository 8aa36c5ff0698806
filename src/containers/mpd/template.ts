/** What the identifiers of a template stand for. */
export interface TemplateValues {
  readonly representationId: string;
  readonly bandwidth?: number;
  readonly number?: number;
  readonly time?: number;
}

const IDENTIFIER = /\$(?:(RepresentationID|Number|Time|Bandwidth)(?:%0(\d{1,2})d)?)?\$/g;

/** The URL that a template gives. Spec: ISO/IEC 23009-1, 5.3.9.4.4: `$$` is a dollar, `%0Nd` a width. */
export function expandTemplate(template: string, values: TemplateValues): string {
  return template.replace(IDENTIFIER, (whole, name: string | undefined, width: string | undefined) => {
    if (name === undefined) return '$';
    if (name === 'RepresentationID') return values.representationId;
    const value = name === 'Number' ? values.number : name === 'Time' ? values.time : values.bandwidth;
    return value === undefined ? whole : String(value).padStart(Number(width ?? 1), '0');
  });
}

/** True when segments have numbers in their URLs. */
export function namesByNumber(template: string): boolean {
  return /\$Number(?:%0\d{1,2}d)?\$/.test(template);
}
