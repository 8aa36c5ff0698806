import { defineConfig, type Plugin } from 'vite';

/**
 * What the page may do: talk to its own server, and nothing else. In the page itself, so that it holds behind any proxy; in the
 * built page only, because Vite's development server writes inline styles.
 */
const POLICY = [
  "default-src 'self'",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "connect-src 'self' ws: wss:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const contentSecurityPolicy: Plugin = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
      injectTo: 'head-prepend',
    },
  ],
};

/**
 * Built by `npx vite build console` from the repository's root. All asset addresses are relative, so that the page also works
 * behind a reverse proxy that serves it under a sub-path.
 */
export default defineConfig({
  base: './',
  plugins: [contentSecurityPolicy],
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
