import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
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

const LICENSES = 'third-party-licenses.md';

/** Packages that come as one file with what they need already inside, where the bundler cannot see it. */
const BUNDLES = ['dashjs'];

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The licences of everything that `name` depends on, itself left out. */
function licensesWithin(name: string, from: string, seen = new Set<string>()): string {
  const folder = packageFolder(name, from);
  const { dependencies = {} } = manifestOf(folder);
  let text = '';
  for (const dependency of Object.keys(dependencies)) {
    if (seen.has(dependency)) continue;
    seen.add(dependency);
    const inside = packageFolder(dependency, folder);
    const { version, license = 'no licence named' } = manifestOf(inside);
    const file = readdirSync(inside).find((one) => /^licen[cs]e/i.test(one));
    text += `\n## ${dependency} - ${version} (${license})\n`;
    if (file !== undefined) text += `\n${readFileSync(join(inside, file), 'utf8').trim()}\n`;
    text += licensesWithin(dependency, folder, seen);
  }
  return text;
}

function packageFolder(name: string, from: string): string {
  const paths = createRequire(join(from, 'x.js')).resolve.paths(name) ?? [];
  const found = paths.map((path) => join(path, name)).find((path) => existsSync(join(path, 'package.json')));
  if (found === undefined) throw new Error(`${name} is not installed: run npm install`);
  return found;
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

const bundledLicenses: Plugin = {
  name: 'bundled-licenses',
  apply: 'build',
  enforce: 'post',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      const asset = bundle[LICENSES];
      if (asset?.type !== 'asset') throw new Error(`${LICENSES} is missing`);
      asset.source = `${String(asset.source)}${BUNDLES.map((name) => licensesWithin(name, import.meta.dirname)).join('')}`;
    },
  },
};

/**
 * Built by `npx vite build console` from the repository's root. All asset addresses are relative, so that the page also works
 * behind a reverse proxy that serves it under a sub-path.
 */
export default defineConfig({
  base: './',
  plugins: [contentSecurityPolicy, bundledLicenses],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // Nothing may be inlined: the page must run under `default-src 'self'`, which forbids data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: LICENSES },
    // The page of live streams, and the console at the API.
    rollupOptions: {
      input: [join(import.meta.dirname, 'index.html'), join(import.meta.dirname, 'manage.html')],
    },
    // Each player library is one chunk, fetched only when something is played by it.
    chunkSizeWarningLimit: 900,
  },
});
