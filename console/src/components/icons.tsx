const PATHS = {
  play: 'M8 5.1v13.8a1 1 0 0 0 1.5.9l11-6.9a1 1 0 0 0 0-1.8l-11-6.9A1 1 0 0 0 8 5.1Z',
  pause: 'M7 5h3.5v14H7zM13.5 5H17v14h-3.5z',
  loud: 'M4 9v6h4l5 4.5v-15L8 9H4Zm12.2-1.8-1.3 1.5a4.5 4.5 0 0 1 0 6.6l1.3 1.5a6.5 6.5 0 0 0 0-9.6Zm2.7-3-1.3 1.5a8.5 8.5 0 0 1 0 12.6l1.3 1.5a10.5 10.5 0 0 0 0-15.6Z',
  muted:
    'M4 9v6h4l5 4.5v-15L8 9H4Zm17.4.9L20 8.5l-2.1 2.1-2.1-2.1-1.4 1.4 2.1 2.1-2.1 2.1 1.4 1.4 2.1-2.1 2.1 2.1 1.4-1.4-2.1-2.1Z',
  enlarge: 'M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z',
  shrink: 'M8 4h2v6H4V8h4zM14 4h2v4h4v2h-6zM4 14h6v6H8v-4H4zM14 14h6v2h-4v4h-2z',
  note: 'M10 4v9.6A3.5 3.5 0 1 0 12 17V8h6V4z',
} as const;

/** A picture beside words, or on a button that has a label: never the only carrier of a meaning. */
export function Icon({ name }: { readonly name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} fill="currentColor" />
    </svg>
  );
}
