import { defineConfig } from 'vite';

/**
 * Built by `npx vite build console` from the repository's root. All asset addresses are relative, so that the page also works
 * behind a reverse proxy that serves it under a sub-path.
 */
export default defineConfig({
  base: './',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // Nothing may be inlined: the page must run under `default-src 'self'`, which forbids data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'third-party-licenses.md' },
    // The player library is one chunk that is fetched only when something is played.
    chunkSizeWarningLimit: 400,
  },
});
